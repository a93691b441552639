/** Moves onto a hyperplane: on it, inside the bounds, and no shorter one exists. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { prepareProjections } from '../../../../plugins/attacks/fab/projections.ts'
import { norms } from '../../../../core/threat/threat-model.ts'
import type { Norm } from '../../../../core/threat/threat-model.ts'
import { distance } from '../../../../core/threat/verify.ts'

const size = 6
// Gradients and images are float32.
const unit = fc.float({ min: 0, max: 1, noNaN: true })
// Weights below 1e-8 of the largest do not move by rule, so that a shorter move could exist: none is so small here.
const magnitude = fc.float({ min: Math.fround(1e-3), max: 3, noNaN: true })
const weight = fc.oneof(
  fc.constant(0),
  magnitude,
  magnitude.map((value) => -value),
)
const hyperplanes = fc.record({
  point: fc.array(unit, { minLength: size, maxLength: size }),
  other: fc.array(unit, { minLength: size, maxLength: size }),
  normal: fc.array(weight, { minLength: size, maxLength: size }),
})

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0)
}

function move(norm: Norm, point: readonly number[], normal: readonly number[], residual: number) {
  const output = new Float64Array(point.length)
  const start = Float32Array.from(point)
  const moves = prepareProjections(norm, [0, 1], point.length)
  // What is left of another normal must not show.
  moves.face(Float32Array.from(normal, (weight, i) => i - weight))
  moves.move(start, 1, output)
  moves.face(Float32Array.from(normal))
  const length = moves.move(start, residual, output)
  expect(length).toBeCloseTo(distance(norm, new Float64Array(point.length), output), 12)
  return output
}

describe.each(norms)('%s', (norm) => {
  test('a hyperplane through the box is reached by the shortest move inside it', () => {
    fc.assert(
      fc.property(hyperplanes, ({ point, other, normal }) => {
        // Through `other`, which so is a rival for the shortest move.
        const residual = dot(normal, point) - dot(normal, other)
        const delta = move(norm, point, normal, residual)
        const reached = point.map((x, i) => x + delta[i]!)
        for (const x of reached) {
          expect(x).toBeGreaterThanOrEqual(-1e-15)
          expect(x).toBeLessThanOrEqual(1 + 1e-15)
        }
        expect(dot(normal, reached) - dot(normal, other)).toBeCloseTo(0, 6)
        expect(distance(norm, point, reached)).toBeLessThanOrEqual(
          distance(norm, point, other) + 1e-7,
        )
      }),
      { numRuns: 500 },
    )
  })

  test('towards a hyperplane beyond the box it goes to the corner', () => {
    expect([...move(norm, [0.25, 0.5, 0.5], [1, -2, 0], 9)]).toEqual([-0.25, 0.5, 0])
  })

  test('on the hyperplane, or without a direction, it stays', () => {
    expect(move(norm, [0.25, 0.5], [1, -2], 0).every((d) => d === 0)).toBe(true)
    expect(move(norm, [0.25, 0.5], [0, 0], 1).every((d) => d === 0)).toBe(true)
  })
})

test('each norm moves in its own way', () => {
  const at = [0.5, 0.5, 0.5]
  expect(move('Linf', at, [1, 2, -1], 0.4)).toBeAllclose([-0.1, -0.1, 0.1])
  expect(move('L2', at, [1, 2, -1], 0.6)).toBeAllclose([-0.1, -0.2, 0.1])
  expect(move('L1', at, [1, 2, -1], 0.4)).toBeAllclose([0, -0.2, 0])
  expect(move('L1', at, [1, 2, -0.5], 1.2)).toBeAllclose([-0.2, -0.5, 0])
})
