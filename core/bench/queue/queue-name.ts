/** Names of queues: one per kind of device. */
import { deviceKind } from '../../engine/graph/session-device.ts'
import { keyPrefix } from './connection.ts'
import type { Broker } from './connection.ts'

/** Name of the queue for a device: `cuda:1` and `cuda:0` are served by the same. */
export function queueName(device: string): string {
  return deviceKind(device)
}

const devicesKey = `${keyPrefix}:devices`

/** Remembers that a device has a queue, for `listDevices`. */
export async function rememberDevice({ client }: Broker, device: string): Promise<void> {
  await client.sadd(devicesKey, deviceKind(device))
}

/** Kinds of devices that have had a queue, sorted. */
export async function listDevices({ client }: Broker): Promise<string[]> {
  return (await client.smembers(devicesKey)).toSorted()
}
