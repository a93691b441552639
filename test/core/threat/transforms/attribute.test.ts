/** Attribute transforms: the host repeats them bit for bit and rejects invalid evidence. */
import { expect, test } from 'vitest'
import { randomStream } from '../../../../core/base/random.ts'
import { float32, gatherRows } from '../../../../core/engine/tensor/tensor.ts'
import {
  applyAttributeTransform,
  checkAttributeEvidence,
  checkAttributeRanges,
} from '../../../../core/threat/transforms/attribute.ts'
import { AttributeSession } from '../../../../core/threat/attributes/session.ts'
import type { AttributeEvidence } from '../../../../core/threat/transforms/attribute.ts'
import type { AttributeRanges } from '../../../../core/threat/transforms/attribute.ts'

const shape = [3, 7, 5] as const
const count = 9
const stream = randomStream('attribute transform')
const inputs = float32(
  [count, ...shape],
  Float32Array.from({ length: count * 105 }, () => stream.uniform()),
)
const within = (low: number, high: number): Float32Array =>
  Float32Array.from({ length: count }, () => low + (high - low) * stream.uniform())
const evidence: AttributeEvidence = {
  kind: 'attribute',
  values: { contrast: within(0.5, 2), rotation: within(-30, 30), hue: within(-90, 90) },
}
const ranges: AttributeRanges = { rotation: [-30, 30], hue: [-90, 90], contrast: [0.5, 2] }
const problemOf = (values: AttributeEvidence['values']): string | undefined =>
  checkAttributeEvidence({ kind: 'attribute', ranges }, { kind: 'attribute', values }, inputs.shape)

test('each example has the same bits in any batch and in an attack', async () => {
  const all = await applyAttributeTransform(inputs, evidence, [0, 1])
  const rows = [6, 2]
  const values = Object.fromEntries(
    Object.entries(evidence.values).map(([name, column]) => [
      name,
      Float32Array.from(rows, (row) => column[row]!),
    ]),
  )
  const few = await applyAttributeTransform(
    gatherRows(inputs, rows),
    { kind: 'attribute', values },
    [0, 1],
  )
  expect(few.data).toEqual(gatherRows(all, rows).data)
  const names = ['rotation', 'hue', 'contrast'] as const
  const session = new AttributeSession({ shape, names, bounds: [0, 1] })
  const image = gatherRows(inputs, [4]).data
  const alone = await session.apply(
    image,
    names.map((name) => evidence.values[name]![4]!),
  )
  await session.release()
  expect(alone).toEqual(gatherRows(all, [4]).data)
})

test('without values or without examples it is the identity', async () => {
  const none = { kind: 'attribute', values: {} } as const
  expect((await applyAttributeTransform(inputs, none, [0, 1])).data).toEqual(inputs.data)
  const empty = float32([0, ...shape], [])
  expect((await applyAttributeTransform(empty, none, [0, 1])).shape).toEqual([0, ...shape])
})

test('evidence within the ranges, or at limits rounded to float32, is accepted', () => {
  expect(checkAttributeEvidence({ kind: 'attribute', ranges }, evidence, inputs.shape)).toBe(
    undefined,
  )
  const tenth = { brightness: [-0.1, 0.1] } as const
  const values = { brightness: new Float32Array(count).fill(0.1) }
  expect(values.brightness[0]).toBeGreaterThan(0.1)
  expect(
    checkAttributeEvidence(
      { kind: 'attribute', ranges: tenth },
      { kind: 'attribute', values },
      inputs.shape,
    ),
  ).toBe(undefined)
})

test('evidence beyond the ranges is rejected with a reason', () => {
  const rotation = within(-30, 30)
  rotation[5] = 30.5
  expect(problemOf({ rotation })).toMatchInlineSnapshot(
    `"the attribute "rotation" is 30.5 in row 5, but the threat model permits -30 to 30"`,
  )
  rotation[5] = Number.NaN
  expect(problemOf({ rotation })).toMatchInlineSnapshot(
    `"the attribute "rotation" is NaN in row 5, but the threat model permits -30 to 30"`,
  )
  const brightness = new Float32Array(count)
  expect(problemOf({ brightness })).toBe(undefined)
  brightness[2] = 0.25
  expect(problemOf({ brightness })).toMatchInlineSnapshot(
    `"the attribute "brightness" is 0.25 in row 2, but the threat model does not permit it"`,
  )
  expect(problemOf({ hue: new Float32Array(2) })).toMatchInlineSnapshot(
    `"expected a Float32Array of 9 values of the attribute "hue", one for each example, got 2"`,
  )
  expect(problemOf({ shear: within(0, 1) } as never)).toMatchInlineSnapshot(
    `"unknown attribute "shear" (there are: rotation, scale, translationX, translationY, hue, saturation, contrast, brightness)"`,
  )
})

test('ranges that are invalid or do not apply to the images are rejected', () => {
  expect(checkAttributeRanges(ranges, inputs.shape)).toBe(undefined)
  expect(checkAttributeRanges({ contrast: [0.1, 0.9] }, inputs.shape)).toMatchInlineSnapshot(
    `"the range of the attribute "contrast" must be finite and contain its neutral value 1, got 0.1 to 0.9"`,
  )
  expect(checkAttributeRanges({ scale: [0, 1] }, inputs.shape)).toMatchInlineSnapshot(
    `"the range of the attribute "scale" must be above 0, got 0 to 1"`,
  )
  expect(checkAttributeRanges({ saturation: [0, 2] }, [4, 1, 28, 28])).toMatchInlineSnapshot(
    `"the attribute "saturation" needs images of red, green and blue, got [4, 1, 28, 28]; leave hue and saturation out of the threat model's ranges"`,
  )
  expect(checkAttributeRanges({ shear: [0, 2] } as never, inputs.shape)).toMatchInlineSnapshot(
    `"unknown attribute "shear" (there are: rotation, scale, translationX, translationY, hue, saturation, contrast, brightness)"`,
  )
})
