import { expect, test } from 'vitest'
import { RunError } from '../../../../core/base/errors.ts'
import {
  BrokerFaults,
  isPassing,
  isRefusal,
  refusalError,
} from '../../../../core/bench/queue/broker-faults.ts'

/** As ioredis throws what a broker answers. */
function reply(message: string): Error {
  const error = new Error(message)
  error.name = 'ReplyError'
  return error
}

const place = 'redis://broker:6379'

test.each([
  "OOM command not allowed when used memory > 'maxmemory'. script: 29988, on @user_script:36.",
  'ERR Error running script (call to f_2): @user_script:36: -OOM command not allowed',
  "READONLY You can't write against a read only replica.",
  'NOAUTH Authentication required.',
  'MISCONF Redis is configured to save RDB snapshots, but it is unable to persist to disk.',
  'NOREPLICAS Not enough good replicas to write.',
  'LOADING Redis is loading the dataset in memory',
  'CLUSTERDOWN The cluster is down',
  "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
  'TRYAGAIN Multiple keys request during rehashing of slot',
  'ERR max number of clients reached',
])('passes: %s', (message) => {
  expect(isPassing(reply(message))).toBe(true)
})

test('a lost connection passes; other refusals and other errors do not', () => {
  expect(isPassing(new Error('Connection is closed.'))).toBe(true)
  expect(isPassing(reply('WRONGTYPE Operation against a key'))).toBe(false)
  expect(isPassing(reply('WRONGPASS invalid username-password pair'))).toBe(false)
  expect(isPassing(reply('ERR value is not an integer or out of range'))).toBe(false)
  expect(isPassing(new TypeError('x is not a function'))).toBe(false)
  expect(isPassing(new Error('ENOSPC: no space left on device'))).toBe(false)
  expect(isRefusal(new Error('OOM'))).toBe(false)
})

test('a refusal becomes an error with what to do; other errors stay', () => {
  const full = reply("OOM command not allowed when used memory > 'maxmemory'. script: 2, on @x:3.")
  expect(refusalError(full, place)).toMatchObject({
    code: 'ROBENCH_QUEUE',
    message:
      `${place}: the broker refuses commands: OOM command not allowed when used memory > ` +
      "'maxmemory'; it is out of memory: raise its maxmemory",
  })
  expect(refusalError(reply('ERR value is not an integer or out of range'), place)).toMatchObject({
    message:
      `${place}: the broker refuses commands: ERR value is not an integer or out of range; ` +
      'another program uses keys that begin with "robench:"; use another database, as in ' +
      '--queue redis://host:6379/1',
  })
  const bug = new TypeError('x is not a function')
  expect(refusalError(bug, place)).toBe(bug)
  const known = new RunError('ROBENCH_QUEUE', 'the connection is closed')
  expect(refusalError(known, place)).toBe(known)
})

test('a fault is said once, and is overdue after its limit, unless it passes', async () => {
  const said: string[] = []
  const faults = new BrokerFaults(place, 0, (text) => said.push(text))
  expect(faults.overdue).toBe(undefined)
  faults.report(reply('NOAUTH Authentication required.'))
  faults.report(reply('NOAUTH Authentication required.'))
  expect(said).toEqual([
    `${place}: the broker refuses commands: NOAUTH Authentication required; it requires a ` +
      'password: set ROBENCH_QUEUE_PASSWORD; waiting, for up to 0 min',
  ])
  await new Promise((resolve) => setTimeout(resolve, 2))
  expect(faults.overdue).toMatchObject({ code: 'ROBENCH_QUEUE' })
  faults.clear()
  expect(faults.overdue).toBe(undefined)
  expect(new BrokerFaults(place, 60_000).overdue).toBe(undefined)
})
