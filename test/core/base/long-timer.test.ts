/** Timers beyond the limit of setTimeout neither fire at once nor never. */
import { afterEach, expect, test, vi } from 'vitest'
import { startTimer } from '../../../core/base/long-timer.ts'

afterEach(() => {
  vi.useRealTimers()
})

test.each([0, 5, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 5, 1e11])('a timer of %d ms', (ms) => {
  vi.useFakeTimers()
  let fired = 0
  startTimer(ms, () => (fired += 1))
  vi.advanceTimersByTime(Math.max(0, ms - 1))
  expect(fired).toBe(ms === 0 ? 1 : 0)
  vi.advanceTimersByTime(1)
  expect(fired).toBe(1)
  vi.advanceTimersByTime(2 ** 32)
  expect(fired).toBe(1)
})

test('a stopped timer never fires, also after its first part', () => {
  vi.useFakeTimers()
  let fired = 0
  const timer = startTimer(2 ** 32, () => (fired += 1))
  vi.advanceTimersByTime(2 ** 31 + 10)
  timer.stop()
  vi.advanceTimersByTime(2 ** 33)
  expect(fired).toBe(0)
})
