/** The estimated progress of a run. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RunProgress } from '../../../../core/bench/forecast/run-progress.ts'
import type { Unit } from '../../../../core/bench/plan/cell.ts'
import { toyPlan } from '../plan/toy-plan.ts'

const plan = toyPlan(1500, {
  weak: { forward: 100, backward: 50 },
  strong: { forward: 100, backward: 50 },
})
const [first, second, third] = plan.units.filter(
  ({ cell }) => cell.kind === 'attack' && cell.attack.plugin === 'weak',
) as [Unit, Unit, Unit]
const passes = { forwardPasses: 1000, backwardPasses: 500 }
const strong = 1500 * 200
const clean = 1500

test('a completed unit predicts the others of its cell, and the share never decreases', () => {
  const work = new RunProgress(plan, () => undefined)
  expect(work.shareDone).toBe(0)
  // Without a completed unit, the upper bound counts.
  work.advance(first, 250)
  expect(work.shareDone).toBeCloseTo((250 * 200) / (clean + 2 * strong), 12)
  work.finish(first, passes)
  expect(work.shareDone).toBeCloseTo((250 * 200) / (clean + 2 * strong), 12)
  for (const unit of plan.units) {
    if (unit.cell.kind === 'attack' && unit.cell.attack.plugin === 'strong') {
      work.finish(unit, passes)
    }
  }
  expect(work.shareDone).toBeCloseTo((4 * 2000) / (clean + 6 * 2000), 12)
  work.advance(second, 250)
  expect(work.shareDone).toBeCloseTo((4.5 * 2000) / (clean + 6 * 2000), 12)
  work.finish(second)
  // The second unit failed: it is neither completed nor open.
  work.finish(third, passes)
  expect(work.shareDone).toBeCloseTo((5 * 2000) / (clean + 5 * 2000), 12)
})

test('units of an earlier run predict the others and do not count', () => {
  const work = new RunProgress(plan, (id) => (id === third.id ? passes : undefined))
  work.finish(first, passes)
  expect(work.shareDone).toBeCloseTo(2000 / (clean + strong + 2 * 2000), 12)
})

test('the share increases to one in any order', () => {
  fc.assert(
    fc.property(
      fc.shuffledSubarray([...plan.units], { minLength: plan.units.length }),
      fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 20, maxLength: 20 }),
      (order, counts) => {
        const work = new RunProgress(plan, () => undefined)
        let last = 0
        for (const [index, unit] of order.entries()) {
          for (const tell of [
            () => work.advance(unit, 100),
            () => work.finish(unit, { forwardPasses: counts[index]!, backwardPasses: 0 }),
          ]) {
            tell()
            expect(work.shareDone).toBeGreaterThanOrEqual(last)
            last = work.shareDone
          }
        }
        expect(last).toBe(1)
      },
    ),
  )
})
