/** Violations of a threat model are described exactly. */
import { expect, test } from 'vitest'
import { describeViolation, distance, verifyInside } from '../../../core/threat/verify.ts'
import type { ThreatModel } from '../../../core/threat/threat-model.ts'

const linf: ThreatModel = { norm: 'Linf', epsilon: 0.25, bounds: [0, 1] }
const l2: ThreatModel = { norm: 'L2', epsilon: 0.5, bounds: [0, 1] }

function broken(threatModel: ThreatModel, point: readonly number[]): string | undefined {
  const violation = verifyInside(threatModel, [0.5, 0.5, 1], point)
  return violation && describeViolation(violation)
}

test('a point on the surface is valid', () => {
  expect(broken(linf, [0.75, 0.25, 1])).toBeUndefined()
  expect(broken(l2, [0.5, 0.5, 0.5])).toBeUndefined()
})

test('Linf has no tolerance, L2 a millionth of epsilon', () => {
  expect(broken(linf, [0.75 + 2 ** -24, 0.5, 1])).toMatchInlineSnapshot(
    `"leaves the Linf ball: its distance 0.2500000596046448 exceeds epsilon 0.25 by 5.960464477539063e-8"`,
  )
  expect(broken(l2, [0.5, 0.5, 0.5 - 4e-7])).toBeUndefined()
  expect(broken(l2, [0.5, 0.5, 0.5 - 6e-7])).toMatch(/^leaves the L2 ball/)
})

test('finiteness and bounds are checked before the ball', () => {
  expect(broken(linf, [0.5, 0.5, 1.5])).toMatchInlineSnapshot(
    `"leaves the bounds [0, 1]: component 2 is 1.5, beyond by 0.5"`,
  )
  expect(broken(linf, [0.5, -0.125, 0])).toMatchInlineSnapshot(
    `"leaves the bounds [0, 1]: component 1 is -0.125, beyond by 0.125"`,
  )
  expect(broken(linf, [0.5, Number.NaN, 5])).toMatchInlineSnapshot(
    `"is not finite: component 1 is NaN"`,
  )
  expect(broken(linf, [0.5, 0.5, Infinity])).toMatchInlineSnapshot(
    `"is not finite: component 2 is Infinity"`,
  )
})

test('distances are measured in the norm', () => {
  expect(distance('Linf', [0, 0], [3, -4])).toBe(4)
  expect(distance('L2', [0, 0], [3, -4])).toBe(5)
  expect(distance('L1', [0, 0], [3, -4])).toBe(7)
})
