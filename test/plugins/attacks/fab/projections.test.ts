/** Projections onto hyperplanes: exact, within the bounds, and the shortest possible. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { prepareProjections } from '../../../../plugins/attacks/fab/projections.ts'
import { convexNorms } from '../../../support/norms.ts'
import type { Norm } from '../../../../core/threat/threat-model.ts'
import { distance } from '../../../../core/threat/verify.ts'

const size = 6
// Gradients and images are float32.
const unit = fc.float({ min: 0, max: 1, noNaN: true })
// Components with weights below 1e-8 of the largest do not move, so that a shorter projection could
// exist; no weight is that small here.
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

function project(
  norm: Norm,
  point: readonly number[],
  normal: readonly number[],
  residual: number,
) {
  const output = new Float64Array(point.length)
  const start = Float32Array.from(point)
  const projections = prepareProjections(norm, [0, 1], point.length)
  // An earlier projection must have no effect.
  projections.setNormal(Float32Array.from(normal, (weight, i) => i - weight))
  projections.project(start, 1, output)
  projections.setNormal(Float32Array.from(normal))
  const length = projections.project(start, residual, output)
  expect(length).toBeCloseTo(distance(norm, new Float64Array(point.length), output), 12)
  return output
}

describe.each(convexNorms)('%s', (norm) => {
  test('the unit of the logits does not matter', () => {
    const point = [0.2, 0.4, 0.6, 0.8, 0.5, 0.3]
    const normal = [1, -2, 0.5, 0.25, -1, 3]
    const small = normal.map((weight) => weight * 2 ** -40)
    expect(project(norm, point, small, 2 ** -40)).toBeAllclose(project(norm, point, normal, 1))
    expect(project(norm, point, normal, 1).some((value) => value !== 0)).toBe(true)
  })

  test('a hyperplane through the box is reached by the shortest δ within the bounds', () => {
    fc.assert(
      fc.property(hyperplanes, ({ point, other, normal }) => {
        // The hyperplane contains `other`, which must not be closer than the projection.
        const residual = dot(normal, point) - dot(normal, other)
        const delta = project(norm, point, normal, residual)
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

  test('a hyperplane outside the box gives the nearest corner', () => {
    expect([...project(norm, [0.25, 0.5, 0.5], [1, -2, 0], 9)]).toEqual([-0.25, 0.5, 0])
  })

  test('a point on the hyperplane, or a zero normal, gives δ = 0', () => {
    expect(project(norm, [0.25, 0.5], [1, -2], 0).every((d) => d === 0)).toBe(true)
    expect(project(norm, [0.25, 0.5], [0, 0], 1).every((d) => d === 0)).toBe(true)
  })
})

test('known projections in each norm', () => {
  const at = [0.5, 0.5, 0.5]
  expect(project('Linf', at, [1, 2, -1], 0.4)).toBeAllclose([-0.1, -0.1, 0.1])
  expect(project('L2', at, [1, 2, -1], 0.6)).toBeAllclose([-0.1, -0.2, 0.1])
  expect(project('L1', at, [1, 2, -1], 0.4)).toBeAllclose([0, -0.2, 0])
  expect(project('L1', at, [1, 2, -0.5], 1.2)).toBeAllclose([-0.2, -0.5, 0])
})
