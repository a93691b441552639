/** Messages of workers are taken only in their form: a plugin may report anything. */
import { expect, test } from 'vitest'
import { isWorkerMessage } from '../../../../core/bench/execute/job.ts'

const training = { epoch: 0, epochs: 1, step: 1, steps: 2, loss: 0.5, accuracy: 0.1 }

test.each<[unknown, boolean]>([
  [{ robench: 'began' }, true],
  [{ robench: 'alive' }, true],
  [{ robench: 'examples', done: 3 }, true],
  // NaN and Infinity become null in JSON.
  [{ robench: 'examples', done: null }, false],
  [{ robench: 'examples' }, false],
  [{ robench: 'training', training }, true],
  [{ robench: 'training', training: { ...training, loss: null } }, false],
  [{ robench: 'training' }, false],
  [{ robench: 'outcome', outcome: {} }, false],
  [{ other: 1 }, false],
  [null, false],
  ['began', false],
])('%j: %s', (message, isMessage) => {
  expect(isWorkerMessage(message)).toBe(isMessage)
})
