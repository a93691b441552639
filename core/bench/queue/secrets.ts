/** Secrets of the queue, from the environment: never from the command line, never printed. */

import { ConfigError } from '../../base/errors.ts'
import { isLoopback } from './connection.ts'
import type { BrokerAddress } from './connection.ts'

/** What workers and coordinators of one queue share. */
export interface QueueSecrets {
  /** Allows to read and to write the coordinator's artifacts: `ROBENCH_QUEUE_TOKEN`. */
  readonly token: string | undefined
  /** Signs jobs and outcomes: `ROBENCH_QUEUE_KEY`. */
  readonly key: string | undefined
}

/**
 * Requires secrets for a broker that other machines can reach: whoever writes into it could run
 * jobs on the workers, or read models and data.
 * @throws ConfigError ROBENCH_CONFIG
 */
export function requireSecrets(address: BrokerAddress, { token, key }: QueueSecrets): void {
  if (isLoopback(address.options.host)) return
  const missing = [
    ...(key === undefined ? ['ROBENCH_QUEUE_KEY'] : []),
    ...(token === undefined ? ['ROBENCH_QUEUE_TOKEN'] : []),
  ]
  if (missing.length === 0) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `--queue ${address.shown}: other machines can reach this broker, so jobs must be signed; set ` +
      `${missing.join(' and ')} to the same ${missing.length > 1 ? 'secrets' : 'secret'} here and ` +
      'on all other machines of the queue',
  )
}

/** Reads the secrets of the environment. An empty variable counts as absent. */
export function queueSecrets(environment: NodeJS.ProcessEnv = process.env): QueueSecrets {
  return {
    token: environment['ROBENCH_QUEUE_TOKEN'] || undefined,
    key: environment['ROBENCH_QUEUE_KEY'] || undefined,
  }
}
