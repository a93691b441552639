/** Secrets of the queue, from the environment: never from the command line, never printed. */

/** What workers and coordinators of one queue share. */
export interface QueueSecrets {
  /** Allows to read and to write the coordinator's artifacts: `ROBENCH_QUEUE_TOKEN`. */
  readonly token: string | undefined
  /** Signs jobs and outcomes: `ROBENCH_QUEUE_KEY`. */
  readonly key: string | undefined
}

/** Reads the secrets of the environment. An empty variable counts as absent. */
export function queueSecrets(environment: NodeJS.ProcessEnv = process.env): QueueSecrets {
  return {
    token: environment['ROBENCH_QUEUE_TOKEN'] || undefined,
    key: environment['ROBENCH_QUEUE_KEY'] || undefined,
  }
}
