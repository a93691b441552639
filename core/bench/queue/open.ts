/** Opens a queue for a run: connects, serves artifacts, and makes the executor. */
import { ConfigError } from '../../base/errors.ts'
import { deviceKind } from '../../engine/graph/session-device.ts'
import type { OpenExecutor } from '../execute/executor.ts'
import { parseListenAddress, serveArtifacts } from './artifact-server.ts'
import { ArtifactFolder } from './artifacts.ts'
import { refusalError } from './broker-faults.ts'
import { isLoopback, openBroker, parseAddress, within } from './connection.ts'
import { QueueExecutor } from './coordinator.ts'
import { announce, listPresent, processName } from './presence.ts'
import type { Presence } from './presence.ts'
import { queueSecrets, requireSecrets } from './secrets.ts'

/** How to run on a queue. */
export interface RunQueueOptions {
  /** `redis://host:6379`. */
  readonly queue: string
  /** Directory that all machines share; models and data are put there. */
  readonly share?: string
  /** `host:port` of the artifact server; defaults to a free port of the loopback interface. */
  readonly serve?: string
  /** From 1, the first, to 10; defaults to 5. */
  readonly priority?: number
  readonly device: string
  readonly fresh: boolean
  /** How long the broker may refuse commands, or be away, in ms; defaults to 30 minutes. */
  readonly patienceMs?: number
  readonly notice?: (text: string) => void
}

/** How long to wait for a broker to forget this process, in ms. */
const leaveMs = 2000

/** A queue that a run uses. */
export interface RunQueue {
  readonly executor: OpenExecutor
  /** Jobs that the connected workers run at the same time; at least 1. */
  readonly slots: number
  close(): Promise<void>
}

/**
 * Opens a queue.
 * @throws ConfigError for a wrong address, missing packages, or a missing token; RunError
 * ROBENCH_QUEUE if the broker or the address of the server is not available, or if the broker
 * refuses commands
 */
export async function openRunQueue(options: RunQueueOptions): Promise<RunQueue> {
  const { device, fresh, notice, patienceMs, priority = 5 } = options
  const address = parseAddress(options.queue)
  const secrets = queueSecrets()
  requireSecrets(address, secrets)
  const { token, key } = secrets
  const artifacts = new ArtifactFolder()
  const shared = options.share === undefined ? undefined : new ArtifactFolder(options.share)
  const listen = parseListenAddress(options.serve ?? '127.0.0.1:0')
  if (shared && options.serve !== undefined) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      '--share and --serve are contradictory; use only one of them',
    )
  }
  const broker = await openBroker(address)
  const find = (sha256: string): string | undefined => artifacts.find(sha256)
  const serving = { address: listen, token, find, received: artifacts }
  const server = shared
    ? undefined
    : await serveArtifacts(serving).catch((error: unknown) => {
        broker.close()
        throw error
      })
  const url = server?.url
  const self = (): Presence => ({
    kind: 'coordinator',
    name: processName(),
    ...(url !== undefined && { url }),
  })
  const close = async (leave?: () => Promise<void>): Promise<void> => {
    if (leave) await within(leaveMs, leave()).catch(() => {})
    await server?.close()
    broker.close()
  }
  let leave: () => Promise<void>
  let present: readonly Presence[]
  try {
    leave = await announce(broker, self, token)
    present = await listPresent(broker, token)
  } catch (error) {
    await close()
    throw refusalError(error, address.shown)
  }
  if (!isLoopback(address.options.host) && server && isLoopback(listen.host)) {
    notice?.(
      'workers on other machines cannot fetch models and data from this one: add --serve ' +
        '0.0.0.0:7070, or --share with a directory that all machines share',
    )
  }
  const slots = present
    .filter((one) => one.kind === 'worker')
    .filter((one) => deviceKind(one.device) === deviceKind(device))
    .reduce((sum, one) => sum + one.slots, 0)
  if (slots === 0) {
    const command = `robench worker --queue ${address.shown} --device ${device}`
    notice?.(`no worker is connected yet; start some: ${command}`)
  }
  return {
    slots: Math.max(1, slots),
    executor: (content) =>
      new QueueExecutor(content, {
        broker,
        device,
        priority,
        fresh,
        key,
        artifacts,
        shared,
        ...(patienceMs !== undefined && { patienceMs }),
        ...(notice && { notice }),
      }),
    close: () => close(leave),
  }
}
