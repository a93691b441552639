/** Square sizes, starting points, proposals, and query counts of Square. */
import { describe, expect, test } from 'vitest'
import { drawStripes, proposeSquare } from '../../../../plugins/attacks/square/linf-proposals.ts'
import { drawTiles, proposeBump } from '../../../../plugins/attacks/square/l1-l2-proposals.ts'
import { squareSide } from '../../../../plugins/attacks/square/square-proposal.ts'
import type { SquareProposal } from '../../../../plugins/attacks/square/square-proposal.ts'
import { squareFraction, squareSearch } from '../../../../plugins/attacks/square/square-search.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { createBall } from '../../../../core/threat/ball.ts'
import type { Norm } from '../../../../core/threat/threat-model.ts'
import { distance } from '../../../../core/threat/verify.ts'
import { linearTask } from '../../../support/linear-task.ts'

const plain = { queries: 5000, initialFraction: 0.8, rescaleSchedule: false }

describe('square sizes', () => {
  test.each([
    [32, [29, 20, 14, 10, 7, 5, 4, 3]],
    [28, [25, 18, 13, 9, 6, 4, 3, 2]],
  ])("of images of side %i are those of the authors' code", (length, sides) => {
    const found = [1, 11, 51, 201, 501, 1001, 2001, 4001].map((query) =>
      squareSide([3, length, length], squareFraction(query, plain), 1),
    )
    expect(found).toEqual(sides)
  })

  test('shrink sooner with a rescaled schedule', () => {
    const rescaled = { ...plain, queries: 100, rescaleSchedule: true }
    expect(squareFraction(0, rescaled)).toBe(0.8)
    expect(squareFraction(99, rescaled)).toBe(0.8 / 512)
    expect(squareFraction(99, { ...plain, queries: 100 })).toBe(0.8 / 4)
  })

  test('fit into flat images, and are odd in L2', () => {
    expect(squareSide([1, 2, 40], 0.8, 1)).toBe(2)
    expect(squareSide([1, 1, 48], 0.8, 3)).toBe(1)
    expect(squareSide([3, 32, 32], 0.4, 3)).toBe(21)
  })
})

function proposal(norm: Norm, shape: SquareProposal['shape'], side: number): SquareProposal {
  const size = shape[0] * shape[1] * shape[2]
  const center = new Float32Array(size).fill(0.5)
  return {
    ball: createBall({ norm, epsilon: 0.1, bounds: [0, 1] }, center),
    best: center.slice(),
    shape,
    side,
    stream: randomStream(1, norm),
    output: new Float64Array(size),
    point: center.slice(),
  }
}

test('queries of each example are counted up to its first success or the end', async () => {
  const { task } = await linearTask({ classes: 4, count: 20, size: 30 }, 'Linf', 0.03)
  const before = task.model.passes.forward
  const { queries, fooled } = await squareSearch(task, { ...plain, queries: 40, restarts: 2 })
  expect(new Set(fooled)).toEqual(new Set([0, 1]))
  queries.forEach((count, row) => {
    if (fooled[row] === 0) expect(count).toBe(80)
    else expect(count).toBeLessThanOrEqual(80)
  })
  const total = queries.reduce((sum, count) => sum + count, 0)
  expect(total).toBe(task.model.passes.forward - before)
})

test('Linf starts with stripes of ±ε, and a proposal sets a square', () => {
  const start = proposal('Linf', [2, 3, 4], 2)
  drawStripes(start)
  const changes = Array.from(start.output, (value) => value - 0.5)
  for (const [i, change] of changes.entries()) {
    expect(Math.abs(change)).toBeCloseTo(0.1, 12)
    // The row above in the same channel has the same sign.
    if (i % 12 >= 4) expect(change).toBe(changes[i - 4])
  }
  proposeSquare(start)
  const changed = Array.from(start.point).filter((value) => value !== 0.5)
  expect(changed.length).toBe(2 * 2 * 2)
  for (const value of changed) expect(Math.abs(value - 0.5)).toBeCloseTo(0.1, 7)
})

describe.each(['L2', 'L1'] as const)('%s', (norm) => {
  test.each([
    [[3, 10, 10], 3],
    [[1, 4, 9], 3],
    [[2, 2, 7], 2],
    [[1, 1, 5], 1],
  ] as const)('starts and proposals of shape %j use all of ε', (shape, side) => {
    const work = proposal(norm, shape, side)
    const { ball, best, output } = work
    for (const draw of [drawTiles, proposeBump, proposeBump]) {
      draw(work)
      if (norm === 'L2') expect(distance(norm, ball.center, output)).toBeCloseTo(0.1, 9)
      else expect(distance(norm, ball.center, output)).toBeGreaterThan(0.1 - 1e-9)
      ball.project(output, best)
      expect(distance(norm, ball.center, best)).toBeGreaterThan(0.0999)
    }
  })
})
