/** Names of queues: one per kind of device. */
import { keyPrefix } from './connection.ts'
import type { Broker } from './connection.ts'

/** `cuda:1` and `cuda:0` are served by the same queue. */
export function deviceKind(device: string): string {
  return device.split(':')[0]!
}

/** Name of the queue for a device. */
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
