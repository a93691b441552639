/** Who is connected to a queue: short-lived keys in the broker that each process renews. */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { keyPrefix } from './connection.ts'
import type { Broker } from './connection.ts'
import { asSigned, isGenuine, sign } from './message.ts'

/** A coordinator or a worker. */
export type Presence =
  | {
      readonly kind: 'coordinator'
      readonly name: string
      /** Where it serves artifacts; absent if only a shared directory is used. */
      readonly url?: string
    }
  | {
      readonly kind: 'worker'
      readonly name: string
      readonly device: string
      /** Jobs that it runs at the same time. */
      readonly slots: number
      /** Time from the start, in ms. */
      readonly upMs: number
      readonly completed: number
      /** Jobs that it left to others, by reason. */
      readonly refused: Readonly<Record<string, number>>
    }

/** An announcement, with the time of the broker at which it was signed. */
interface Announcement {
  readonly at: number
  readonly presence: Presence
}

/** How long a key outlives its process. */
const lifeSeconds = 20

/** Age beyond which an announcement is a copy of an old one, in ms. */
const mostAgeMs = 2 * lifeSeconds * 1000

const setKey = `${keyPrefix}:present`
const entryKey = (id: string): string => `${keyPrefix}:present:${id}`

/** A name for this process: host and process id. */
export function processName(): string {
  return `${hostname()}:${process.pid}`
}

/**
 * Announces this process until the returned function is called.
 * @param token signs the announcement: a token must not be sent to a URL that a stranger announced
 */
export async function announce(
  { client }: Broker,
  state: () => Presence,
  token: string | undefined,
): Promise<() => Promise<void>> {
  const id = randomUUID()
  const renew = async (): Promise<void> => {
    const announcement: Announcement = { at: await timeOf(client), presence: state() }
    const signed = JSON.stringify(sign(JSON.stringify(announcement), 'presence', token))
    await client.sadd(setKey, id)
    await client.set(entryKey(id), signed, 'EX', lifeSeconds)
  }
  await renew()
  const timer = setInterval(() => void renew().catch(() => {}), (lifeSeconds * 1000) / 4)
  timer.unref()
  return async () => {
    clearInterval(timer)
    if (client.status === 'ready') await client.del(entryKey(id))
  }
}

/** The clock of the broker, in ms: those of the machines may differ. */
async function timeOf(client: Broker['client']): Promise<number> {
  const [seconds, microseconds] = await client.time()
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000)
}

/**
 * All processes that are connected and signed with the token. Announcements of another time are
 * left out: what others wrote before can be repeated by whoever can write to the broker.
 */
export async function listPresent(
  { client }: Broker,
  token: string | undefined,
): Promise<readonly Presence[]> {
  const ids = await client.smembers(setKey)
  if (ids.length === 0) return []
  const entries = await client.mget(ids.map(entryKey))
  const gone = ids.filter((_, place) => entries[place] === null)
  if (gone.length > 0) await client.srem(setKey, ...gone)
  const now = await timeOf(client)
  return entries.flatMap((entry) => {
    const signed = asSigned(parsed(entry))
    if (!signed || !isGenuine(signed, 'presence', token)) return []
    const { at, presence } = Object(parsed(signed.text)) as Readonly<Record<string, unknown>>
    const isNow = typeof at === 'number' && Math.abs(now - at) <= mostAgeMs
    return isNow && isPresence(presence) ? [presence] : []
  })
}

/** Whether a value has the fields of an announcement that others read. */
function isPresence(value: unknown): value is Presence {
  if (typeof value !== 'object' || value === null) return false
  const { kind, name, url, device, slots, completed, refused } = value as Record<string, unknown>
  if (typeof name !== 'string') return false
  if (kind === 'coordinator') return url === undefined || typeof url === 'string'
  return (
    kind === 'worker' &&
    typeof device === 'string' &&
    [slots, completed].every((number) => Number.isSafeInteger(number)) &&
    typeof refused === 'object' &&
    refused !== null
  )
}

function parsed(text: string | null | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}
