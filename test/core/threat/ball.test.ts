/** Projections satisfy the ball exactly in float64, for any input, bounds, and epsilon. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createBall } from '../../../core/threat/ball.ts'
import { convexNorms } from '../../support/norms.ts'
import type { Norm, ThreatModel } from '../../../core/threat/threat-model.ts'
import { distance, verifyBounds } from '../../../core/threat/verify.ts'

const bounds = fc.constantFrom(
  [0, 1],
  [-1, 1],
  [0, 255],
  [-2.1179, 2.64],
  [-1e-40, 1e-40],
  [0, 0.1],
)
const epsilon = fc.oneof(
  fc.constantFrom(0, 8 / 255, 0.1, 0.5, 1e-9, 1e-45, 5e-324, 1e-170, 1e30),
  fc.double({ min: 0, max: 2, noNaN: true }),
)

/** A threat model, an input within its bounds, and any other point. */
function cases(norm: Norm) {
  return fc.record({ bounds, epsilon, size: fc.integer({ min: 1, max: 12 }) }).chain((drawn) => {
    const [low, high] = [drawn.bounds[0], drawn.bounds[1]]
    const component = fc.oneof(
      fc.constantFrom(low, high, 0, -0, 1.4e-45, -1.4e-45),
      fc.double({ min: low, max: high, noNaN: true }),
    )
    const within = component.map((value) => {
      const rounded = Math.fround(value)
      return rounded < low || rounded > high ? 0 : rounded
    })
    const moved = fc.oneof(
      fc.double({ min: -1e3, max: 1e3, noNaN: true }),
      fc.double({ min: low - drawn.epsilon, max: high + drawn.epsilon, noNaN: true }),
    )
    return fc.record({
      threatModel: fc.constant<ThreatModel>({ norm, epsilon: drawn.epsilon, bounds: [low, high] }),
      center: fc.array(within, { minLength: drawn.size, maxLength: drawn.size }),
      point: fc.array(moved, { minLength: drawn.size, maxLength: drawn.size }),
    })
  })
}

function project(threatModel: ThreatModel, center: readonly number[], point: ArrayLike<number>) {
  const output = new Float32Array(center.length)
  createBall(threatModel, Float32Array.from(center)).project(Float64Array.from(point), output)
  return output
}

describe.each(convexNorms)('a %s ball', (norm) => {
  test('contains every projected point exactly', () => {
    fc.assert(
      fc.property(cases(norm), ({ threatModel, center, point }) => {
        const output = project(threatModel, center, point)
        const x = Float32Array.from(center)
        expect(verifyBounds(threatModel.bounds, output)).toBeUndefined()
        expect(distance(norm, x, output)).toBeLessThanOrEqual(threatModel.epsilon)
      }),
      { numRuns: 2000 },
    )
  })

  test('does not move a projected point', () => {
    fc.assert(
      fc.property(cases(norm), ({ threatModel, center, point }) => {
        const once = project(threatModel, center, point)
        expect(project(threatModel, center, once)).toEqual(once)
      }),
      { numRuns: 2000 },
    )
  })

  test('contains only its center for epsilon 0', () => {
    const threatModel: ThreatModel = { norm, epsilon: 0, bounds: [0, 1] }
    expect(project(threatModel, [0, 0.3, 1], [1, 1, 0])).toEqual(Float32Array.of(0, 0.3, 1))
  })

  test('does not move a point inside', () => {
    const threatModel: ThreatModel = { norm, epsilon: 0.5, bounds: [0, 1] }
    const point = Float32Array.of(0.25, 0.75, 0.1)
    expect(project(threatModel, [0.2, 0.7, 0], point)).toEqual(point)
  })

  test('projects to within rounding of its surface', () => {
    const threatModel: ThreatModel = { norm, epsilon: 8 / 255, bounds: [0, 1] }
    const x = Float32Array.from({ length: 500 }, (_, i) => 0.1 + (0.8 * i) / 500)
    const output = project(
      threatModel,
      [...x],
      x.map((value, i) => value + (i % 2 === 0 ? 1 : -1)),
    )
    // Each component loses up to a float32 unit, 6e-8, of 1.4e-3 in L2 and 6e-5 in L1.
    const lost = norm === 'L1' ? 1e-3 : 4e-5
    expect(distance(norm, x, output)).toBeGreaterThan((8 / 255) * (1 - lost))
  })

  test('rejects an input outside the bounds', () => {
    expect(() =>
      createBall({ norm, epsilon: 0.1, bounds: [0, 1] }, Float32Array.of(0, 1.5)),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: an input leaves the bounds [0, 1]: component 1 is 1.5, beyond by 0.5; set bounds that contain the data, or scale the data to the bounds]`,
    )
  })
})

test('L2 projects onto ball and bounds; others use the slack of clipped components', () => {
  // From (0, 0) toward (−1, 1): the bound clips the first, so the second uses all of epsilon.
  const threatModel: ThreatModel = { norm: 'L2', epsilon: 0.5, bounds: [0, 1] }
  expect(project(threatModel, [0, 0], [-1, 1])).toEqual(Float32Array.of(0, 0.5))
  // One component is clipped at 0.3 from its center; the rest of epsilon, 0.4, is for the other.
  expect(project(threatModel, [0.7, 0.5], [2, 1.5]).at(0)).toBe(1)
  expect(project(threatModel, [0.7, 0.5], [2, 1.5])).toBeAllclose([1, 0.9], { atol: 1e-6 })
})

test('L1 shrinks all components equally; others use the slack of clipped components', () => {
  const threatModel: ThreatModel = { norm: 'L1', epsilon: 0.5, bounds: [0, 1] }
  expect(project(threatModel, [0.5, 0.5, 0.5], [0.9, 0.2, 0.6])).toBeAllclose([0.8, 0.3, 0.5])
  expect(project(threatModel, [0.9, 0.5, 0.5], [1.9, 0.2, 0.9])).toBeAllclose([1, 0.35, 0.75])
})

test.each(['L2', 'L1'] as const)('%s projects to the nearest point of the ball', (norm) => {
  fc.assert(
    fc.property(cases(norm), cases(norm), ({ threatModel, center, point }, other) => {
      fc.pre(other.point.length === point.length && threatModel.epsilon < 1e3)
      const nearest = project(threatModel, center, point)
      const rival = project(threatModel, center, other.point)
      const scale = 1 + distance('L2', center, point)
      // A float32 unit of the largest value.
      expect(distance('L2', nearest, point)).toBeLessThanOrEqual(
        distance('L2', rival, point) + 1e-4 * scale,
      )
    }),
    { numRuns: 2000 },
  )
})
