/** Connections to the broker. BullMQ and ioredis are optional packages, loaded when first used. */
import { isIP } from 'node:net'
import type { Redis } from 'ioredis'
import { ConfigError, RunError } from '../../base/errors.ts'

/** BullMQ. */
export type Bull = typeof import('bullmq')

/** Settings of a connection, for ioredis and for BullMQ. */
export interface BrokerOptions {
  readonly host: string
  readonly port: number
  readonly db: number
  readonly username?: string
  readonly password?: string
  /** Without a name of the server if its address is a number. */
  readonly tls?: { readonly servername?: string }
  readonly maxRetriesPerRequest: null
  readonly retryStrategy: (times: number) => number
}

/** Where a broker is. Contains credentials: never print it, except `shown`. */
export interface BrokerAddress {
  readonly options: BrokerOptions
  /** Without credentials: `redis://host:6379`. */
  readonly shown: string
}

/** A connected broker. */
export interface Broker {
  readonly address: BrokerAddress
  readonly bull: Bull
  /** For plain commands. Reconnects forever. */
  readonly client: Redis
  close(): void
}

/** First part of the names of all keys. */
export const keyPrefix = 'robench'

/** How long to try to reach a broker at the start of a command, in ms. */
const connectMs = 5000

/**
 * Parses `redis://[user:password@]host[:port][/db]`, or `rediss://…` for TLS. The password may be
 * in `ROBENCH_QUEUE_PASSWORD` instead.
 * @throws ConfigError that does not repeat the credentials
 */
export function parseAddress(text: string): BrokerAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isRedis = url?.protocol === 'redis:' || url?.protocol === 'rediss:'
  const db = Number(url?.pathname.slice(1) ?? '')
  if (!url || !isRedis || url.hostname === '' || !Number.isSafeInteger(db) || db < 0) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      '--queue: expected redis://host:6379, or rediss:// for TLS, with an optional user, ' +
        `password, and /db; got ${JSON.stringify(withoutCredentials(text))}`,
    )
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const port = url.port === '' ? 6379 : Number(url.port)
  const password = decodeURIComponent(url.password) || process.env['ROBENCH_QUEUE_PASSWORD']
  return {
    shown: `${url.protocol}//${url.hostname}:${port}${db === 0 ? '' : `/${db}`}`,
    options: {
      host,
      port,
      db,
      ...(url.username !== '' && { username: decodeURIComponent(url.username) }),
      ...(password !== undefined && password !== '' && { password }),
      ...(url.protocol === 'rediss:' && { tls: isIP(host) === 0 ? { servername: host } : {} }),
      // Commands wait while the broker is away.
      maxRetriesPerRequest: null,
      retryStrategy: (times) => Math.min(100 * times, 2000),
    },
  }
}

/** A text in which the user and the password of a URL are replaced. */
export function withoutCredentials(text: string): string {
  return text.replaceAll(/(\w+:\/\/)[^/@\s]+@/g, '$1***@')
}

/** Whether a host is this machine, reachable from no other. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

/**
 * Connects to a broker.
 * @throws ConfigError if BullMQ or ioredis is not installed; RunError ROBENCH_QUEUE if the broker
 * does not answer
 */
export async function openBroker(address: BrokerAddress): Promise<Broker> {
  const { bull, ioredis } = await loadPackages()
  const client = new ioredis.Redis({ ...address.options, lazyConnect: true })
  let reason = 'no answer'
  client.on('error', (error: Error) => (reason = error.message))
  try {
    await within(
      connectMs,
      client.connect().then(() => client.ping()),
    )
  } catch (cause) {
    client.disconnect()
    const said = cause instanceof Error && cause.message !== '' ? cause.message : reason
    throw new RunError(
      'ROBENCH_QUEUE',
      `${address.shown}: the broker cannot be reached: ${reason === 'no answer' ? said : reason}`,
      { cause },
    )
  }
  return { address, bull, client, close: () => client.disconnect() }
}

async function loadPackages(): Promise<{
  readonly bull: Bull
  readonly ioredis: Pick<typeof import('ioredis'), 'Redis'>
}> {
  try {
    const [bull, ioredis] = await Promise.all([import('bullmq'), import('ioredis')])
    return { bull, ioredis }
  } catch (cause) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      '--queue needs two packages that are not installed: npm install bullmq ioredis',
      { cause },
    )
  }
}

/** The result of `work`, unless it takes longer than a limit. @throws Error after the limit */
export async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limitMs / 1000} s`)), limitMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
