/** Signatures, addresses, and names of a queue: what does not need a broker. */
import { expect, test } from 'vitest'
import { parseListenAddress } from '../../../../core/bench/queue/artifact-server.ts'
import {
  isLoopback,
  parseAddress,
  withoutCredentials,
} from '../../../../core/bench/queue/connection.ts'
import {
  idOf,
  isGenuine,
  outcomePurpose,
  readJob,
  readOutcome,
  sign,
} from '../../../../core/bench/queue/message.ts'
import { queueSecrets, requireSecrets } from '../../../../core/bench/queue/secrets.ts'

const hash = 'a'.repeat(64)
const job = {
  version: 1,
  label: 'attack "pgd"',
  limits: { label: 'attack "pgd"', timeLimitMs: 1000 },
  software: { robench: '1.0.0', onnxruntime: '1.0.0' },
  packages: [],
  data: { test: hash },
  job: {
    kind: 'unit',
    setting: { plugins: [], dataset: { id: 'toy', sha256: hash } },
    unit: { id: hash, cell: {}, shard: { start: 0, end: 500 } },
    model: { sha256: hash, label: 'm.onnx', manifest: {} },
    batchSize: 64,
  },
}
const text = JSON.stringify(job)
const outcome = { version: 1, worker: 'host:1', outcome: { state: 'completed', value: {} } }
const mismatch = 'its signature does not match ROBENCH_QUEUE_KEY'

test('a job is read only with the key that signed it, and only as a job', () => {
  const signed = sign(text, 'job', 'secret')
  expect(readJob(signed, 'secret')).toEqual(JSON.parse(text))
  expect(JSON.stringify(signed)).not.toContain('secret')
  for (const forged of [
    sign(text, 'job', 'other'),
    sign(text, 'job', undefined),
    { ...signed, text: text.replace('pgd', 'fgsm') },
    { ...signed, hmac: signed.hmac!.slice(2) },
    { ...signed, hmac: 7 },
  ]) {
    expect(() => readJob(forged, 'secret')).toThrow(mismatch)
  }
  expect(isGenuine(signed, outcomePurpose('a'), 'secret')).toBe(false)
  expect(readJob(sign(text, 'job', undefined), undefined)).toEqual(JSON.parse(text))
})

test('a genuine job under the id of another is refused', () => {
  const signed = sign(text, 'job', 'secret')
  expect(readJob(signed, 'secret', idOf(text))).toEqual(JSON.parse(text))
  const other = idOf(text.replace('pgd', 'fgsm'))
  expect(() => readJob(signed, 'secret', other)).toThrow(
    `its text does not have the id ${other} of the job`,
  )
})

test('the outcome of one job is not that of another', () => {
  const signed = sign(JSON.stringify(outcome), outcomePurpose('a'), 'secret')
  expect(readOutcome(signed, 'a', 'secret')).toEqual(outcome)
  expect(() => readOutcome(signed, 'b', 'secret')).toThrow(mismatch)
})

test.each([
  [null, 'it is not a message of robench'],
  ['text', 'it is not a message of robench'],
  [{ text: 7 }, 'it is not a message of robench'],
  [{ text: '{' }, 'it is not a message of robench'],
  [{ text: 'null' }, 'it is a message of another version of robench'],
  [{ text: '{"version":2}' }, 'it is a message of another version of robench'],
])('%j is refused', (value, message) => {
  expect(() => readJob(value, undefined)).toThrow(message)
})

test.each([
  [{ label: 7 }, '/label: must be a string, got 7'],
  [{ job: { kind: 'shell' } }, '/job: must be a job, with unit, model, and batchSize'],
  [{ job: { ...job.job, kind: 'shell' } }, '/job/kind: must be one of unit, prepare; got "shell"'],
  [{ data: { test: '../../etc' } }, '/data/test: must be a sha256 with 64 hexadecimal digits'],
  [
    { job: { ...job.job, unit: { ...job.job.unit, id: '../x' } } },
    '/job/unit/id: must be a sha256 with 64 hexadecimal digits, got "../x"',
  ],
  [
    { job: { ...job.job, cacheKey: '../x' } },
    '/job/cacheKey: must be a sha256 with 64 hexadecimal digits, got "../x"',
  ],
])('a job with %j is refused', (more, message) => {
  const changed = { text: JSON.stringify({ ...job, ...more }) }
  expect(() => readJob(changed, undefined)).toThrow(message)
})

test('beyond this machine, a broker needs a key and a token', () => {
  const local = parseAddress('redis://127.0.0.1:6379')
  expect(() => requireSecrets(local, { key: undefined, token: undefined })).not.toThrow()
  const remote = parseAddress('redis://me:pass@broker:6379')
  expect(() => requireSecrets(remote, { key: 'k', token: 't' })).not.toThrow()
  expect(() => requireSecrets(remote, { key: undefined, token: 't' })).toThrow(
    '--queue redis://broker:6379: other machines can reach this broker, so jobs must be signed; ' +
      'set ROBENCH_QUEUE_KEY to the same secret here and on all other machines of the queue',
  )
  expect(() => requireSecrets(remote, { key: 'k', token: undefined })).toThrow(
    'set ROBENCH_QUEUE_TOKEN to the same secret',
  )
})

test('the address of a broker is shown without its credentials', () => {
  const { shown, options } = parseAddress('rediss://me:se%3Acret@host:7000/2')
  expect(shown).toBe('rediss://host:7000/2')
  expect(options).toMatchObject({ host: 'host', port: 7000, db: 2, username: 'me' })
  expect(options.password).toBe('se:cret')
  expect(options.tls).toEqual({ servername: 'host' })
  expect(parseAddress('redis://[::1]').options).toMatchObject({ host: '::1', port: 6379, db: 0 })
})

test.each(['host:6379', 'http://me:secret@host', 'redis://', 'redis://host/x', ''])(
  'the address %j is refused, and no password is repeated',
  (address) => {
    expect(() => parseAddress(address)).toThrow('--queue: expected redis://host:6379, or rediss://')
    expect(() => parseAddress(address)).not.toThrow('secret')
  },
)

test('credentials in command lines are hidden', () => {
  expect(withoutCredentials('--queue=redis://:secret@host:6379/0')).toBe(
    '--queue=redis://***@host:6379/0',
  )
  expect(withoutCredentials('redis://host')).toBe('redis://host')
})

test('only this machine is loopback', () => {
  const hosts = ['127.0.0.1', '127.1.2.3', 'localhost', '::1', '0.0.0.0', '::', '127.0.0.1.a.org']
  expect(hosts.filter(isLoopback)).toEqual(['127.0.0.1', '127.1.2.3', 'localhost', '::1'])
})

test('addresses of the artifact server', () => {
  expect(parseListenAddress('0.0.0.0:7070')).toEqual({ host: '0.0.0.0', port: 7070 })
  expect(parseListenAddress(':7070')).toEqual({ host: '0.0.0.0', port: 7070 })
  expect(parseListenAddress('[::1]:1')).toEqual({ host: '::1', port: 1 })
  for (const wrong of ['', 'a b', 'host:99999', 'http://host']) {
    expect(() => parseListenAddress(wrong)).toThrow('--serve: expected host:port, such as ')
  }
})

test('an empty variable is no secret', () => {
  const environment = { ROBENCH_QUEUE_TOKEN: '', ROBENCH_QUEUE_KEY: 'k' }
  expect(queueSecrets(environment)).toEqual({ token: undefined, key: 'k' })
})
