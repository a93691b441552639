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
  const bound = (250 * 200) / (clean + 2 * strong)
  expect(work.shareDone).toBeCloseTo(bound, 12)
  work.finish(first, passes)
  expect(work.shareDone).toBeCloseTo(bound, 12)
  // From here on, the rest of the shown share shrinks as the estimated rest does.
  const estimate = 2000 / (clean + strong + 3 * 2000)
  const shown = (done: number, total: number): number =>
    1 - ((1 - bound) * (1 - done / total)) / (1 - estimate)
  for (const unit of plan.units) {
    if (unit.cell.kind === 'attack' && unit.cell.attack.plugin === 'strong') {
      work.finish(unit, passes)
    }
  }
  expect(work.shareDone).toBeCloseTo(shown(4 * 2000, clean + 6 * 2000), 12)
  work.advance(second, 250)
  expect(work.shareDone).toBeCloseTo(shown(4.5 * 2000, clean + 6 * 2000), 12)
  work.finish(second)
  // The second unit failed: it is neither completed nor open.
  work.finish(third, passes)
  expect(work.shareDone).toBeCloseTo(shown(5 * 2000, clean + 5 * 2000), 12)
})

test('the share moves with the work of a chunk after one that cost less than its bound', () => {
  const work = new RunProgress(plan, () => undefined)
  work.advance(first, 450)
  let last = work.shareDone
  work.finish(first, passes)
  expect(work.shareDone).toBe(last)
  for (let done = 50; done <= 500; done += 50) {
    work.advance(second, done)
    expect(work.shareDone).toBeGreaterThan(last)
    last = work.shareDone
  }
})

test('a survey predicts the share and the time left until a unit is completed', () => {
  const attacks = plan.rows.flatMap((row) => row.attacks)
  const likely = new Map(attacks.map(({ id }) => [id, { passes: 0.1, pace: 2 }]))
  const work = new RunProgress(plan, () => undefined, {
    lanes: 1,
    times: () => ({ forwardMs: 1, backwardMs: 2 }),
    likely,
    now: () => 0,
  })
  // Both attacks have 1,500 examples of 200 ms, and a pass that judges each of them.
  const { verification } = attacks[0]!
  expect(work.status).toMatchObject({
    isBound: false,
    leftMs: 2 * (clean + 2 * 1500 * 0.1 * (200 + verification)),
  })
  work.advance(first, 250)
  expect(work.shareDone).toBeCloseTo((250 * 20) / (clean + 2 * 1500 * 20), 12)
  work.finish(first, passes)
  // The others of its cell are predicted by the unit.
  work.advance(second, 500)
  const others = 2000 / (clean + 3 * 2000 + 1500 * 20)
  const [bound, both] = [(250 * 20) / (clean + 2 * 1500 * 20), 2 * others]
  work.finish(second, passes)
  expect(work.shareDone).toBeCloseTo(Math.max(bound, both), 12)
})

test('an evaluation counts the examples of all of its chunks', () => {
  const work = new RunProgress(plan, () => undefined)
  work.finish(first, passes)
  work.advance(second, 100, 'a stage')
  work.advance(third, 20)
  expect(work.status.running).toEqual([
    {
      defense: expect.any(String),
      kind: 'attack',
      attack: 'weak',
      stage: 'a stage',
      done: 620,
      examples: 1500,
    },
  ])
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
