/** The attribute transform against float64 loops, its derivatives against central differences. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { g } from '../../../../core/engine/graph/graph.ts'
import { gradient } from '../../../../core/engine/graph/gradient.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { float32 } from '../../../../core/engine/tensor/tensor.ts'
import { attributeNames, attributes } from '../../../../core/threat/attributes.ts'
import type { AttributeName } from '../../../../core/threat/attributes.ts'
import { attributeTransform } from '../../../../core/threat/attributes/expression.ts'
import { AttributeSession } from '../../../../core/threat/attributes/session.ts'
import { verifyBounds } from '../../../../core/threat/verify.ts'
import { luma, transformed } from './transform-oracle.ts'

type Shape = readonly [channels: number, height: number, width: number]
const shapes: readonly Shape[] = [
  [3, 8, 8],
  [3, 7, 10],
  [1, 9, 6],
  [4, 5, 5],
]
const ofColor: readonly AttributeName[] = ['hue', 'saturation']
const namesOf = ([channels]: Shape): AttributeName[] =>
  attributeNames.filter((name) => channels === 3 || !ofColor.includes(name))

/** The largest deviation from neutral in the tests. */
const reach: Readonly<Record<AttributeName, number>> = {
  rotation: 60,
  scale: 0.4,
  translationX: 3,
  translationY: 3,
  hue: 170,
  saturation: 0.9,
  contrast: 0.8,
  brightness: 0.3,
}

function image(shape: Shape, low = 0, high = 1, name = 'image'): Float32Array {
  const stream = randomStream(name, ...shape)
  return Float32Array.from(
    { length: shape[0] * shape[1] * shape[2] },
    () => low + (high - low) * stream.uniform(),
  )
}

function draw(names: readonly AttributeName[], draws: number): Float32Array {
  const stream = randomStream('values', draws)
  return Float32Array.from(
    names,
    (name) => attributes[name].neutral + reach[name] * (2 * stream.uniform() - 1),
  )
}

const named = (names: readonly AttributeName[], values: ArrayLike<number>) =>
  Object.fromEntries(names.map((name, i) => [name, values[i]!]))

describe.each(shapes)('of %i channels, %i by %i', (...shape) => {
  const names = namesOf(shape)
  const cases = [...names.map((name) => [name]), names]

  test.each(cases)('%s: equals plain loops', async (...chosen) => {
    for (const bounds of [
      [0, 1],
      [-1, 1],
    ] as const) {
      const session = new AttributeSession({ shape, names: chosen, bounds })
      const x = image(shape, ...bounds)
      for (let round = 0; round < 5; round++) {
        const values = draw(chosen, round)
        const expected = transformed(x, shape, named(chosen, values), bounds)
        // float32 sums, and a hue matrix of four decimals in the oracle.
        const atol = chosen.includes('hue') ? 2e-3 : 2e-5
        expect(await session.apply(x, values)).toBeAllclose(expected, { rtol: 0, atol })
      }
      await session.release()
    }
  })

  test.each(cases)('%s: the gradient equals central differences', async (...chosen) => {
    const bounds = [-0.5, 1.5] as const
    const x = image(shape)
    const upstream = image(shape, -1, 1, 'upstream')
    const session = new AttributeSession({ shape, names: chosen, bounds })
    const values = draw(chosen, 11)
    const slopes = await session.pullBack(x, values, upstream)
    await session.release()
    const objective = (at: ArrayLike<number>): number =>
      transformed(x, shape, named(chosen, at), bounds).reduce(
        (sum, value, i) => sum + value * upstream[i]!,
        0,
      )
    chosen.forEach((name, i) => {
      const step = 1e-6 * reach[name]
      const shifted = (sign: number): number =>
        objective(Float64Array.from(values, (value, k) => value + (k === i ? sign * step : 0)))
      const numeric = (shifted(1) - shifted(-1)) / (2 * step)
      // In changes over the attribute's range: 0.01 for the oracle's hue matrix and float32.
      expect(Math.abs(slopes[i]! - numeric) * reach[name]).toBeLessThan(
        1e-2 + 5e-3 * Math.abs(numeric) * reach[name],
      )
    })
  })
})

test('the gradient with respect to the image is the adjoint, for any batch size', async () => {
  const shape = [3, 6, 7] as const
  const bounds = [-0.5, 1.5] as const
  const images = g.input('images', 'float32', ['n', ...shape])
  const inputs = attributeNames.map((name) => g.input(name, 'float32', ['n']))
  const values = Object.fromEntries(attributeNames.map((name, i) => [name, inputs[i]!]))
  const expression = attributeTransform(images, values, bounds)
  const upstream = g.input('upstream', 'float32', ['n', ...shape])
  const [slopes] = gradient(expression, [images], { upstream })
  const session = await Session.compile({ slopes: slopes! }, [images, ...inputs, upstream])
  const rows = [0, 1, 2]
  const stack = (name: string, low: number): Float32Array =>
    Float32Array.from(rows.flatMap((row) => [...image(shape, low, 1, `${name} ${row}`)]))
  const drawn = rows.map((row) => draw(attributeNames, row))
  const outputs = await session.run({
    images: float32([3, ...shape], stack('x', 0)),
    upstream: float32([3, ...shape], stack('u', -1)),
    ...Object.fromEntries(
      attributeNames.map((name, i) => [
        name,
        float32(
          [3],
          drawn.map((value) => value[i]!),
        ),
      ]),
    ),
  })
  await session.release()
  for (const row of rows) {
    const u = image(shape, -1, 1, `u ${row}`)
    const direction = image(shape, -1, 1, `direction ${row}`)
    // Affine in the image except for clipping: a short difference is exact.
    const at = (share: number): number => {
      const x = Float64Array.from(
        image(shape, 0, 1, `x ${row}`),
        (value, i) => value + share * direction[i]!,
      )
      return transformed(x, shape, named(attributeNames, drawn[row]!), bounds).reduce(
        (sum, value, i) => sum + value * u[i]!,
        0,
      )
    }
    const size = direction.length
    const analytic = (outputs['slopes']!.data as Float32Array)
      .subarray(row * size, (row + 1) * size)
      .reduce((sum, value, i) => sum + value * direction[i]!, 0)
    expect([analytic]).toBeAllclose([(at(1e-6) - at(-1e-6)) / 2e-6], { rtol: 1e-2, atol: 1e-2 })
  }
})

test('neutral values of any attributes return the image bit for bit', async () => {
  for (const shape of shapes) {
    for (const names of [namesOf(shape), ...namesOf(shape).map((name) => [name])]) {
      const session = new AttributeSession({ shape, names, bounds: [0, 1] })
      const x = image(shape)
      const output = await session.apply(
        x,
        names.map((name) => attributes[name].neutral),
      )
      expect(Array.from(output)).toEqual(Array.from(x))
      await session.release()
    }
  }
})

test('bounds that are not float32 values hold exactly', async () => {
  const bounds = [-2.1179, 0.7] as const
  const shape = [1, 6, 6] as const
  const names = ['rotation', 'brightness'] as const
  const session = new AttributeSession({ shape, names, bounds })
  for (const brightness of [-9, 9]) {
    const output = await session.apply(image(shape, -1, 0.5), [30, brightness])
    expect(verifyBounds(bounds, output)).toBe(undefined)
  }
  await session.release()
})

test('an ascent can leave the neutral position: its derivative is not zero', async () => {
  const shape = [1, 8, 8] as const
  const names = ['rotation', 'translationX', 'translationY', 'scale'] as const
  const session = new AttributeSession({ shape, names, bounds: [0, 1] })
  const slopes = await session.pullBack(image(shape), [0, 0, 0, 1], image(shape, -1, 1, 'u'))
  await session.release()
  for (const slope of slopes) expect(Math.abs(slope)).toBeGreaterThan(1e-3)
})

test('rotation is counterclockwise, and translation is to the right and down', async () => {
  const shape = [1, 3, 3] as const
  const x = Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9], (value) => value / 10)
  const names = ['rotation', 'translationX', 'translationY'] as const
  const session = new AttributeSession({ shape, names, bounds: [0, 1] })
  const tenths = async (...values: number[]): Promise<number[]> =>
    Array.from(await session.apply(x, values), (value) => Math.round(value * 1e5) / 1e4)
  expect(await tenths(90, 0, 0)).toEqual([3, 6, 9, 2, 5, 8, 1, 4, 7])
  expect(await tenths(0, 1, 0)).toEqual([0, 1, 2, 0, 4, 5, 0, 7, 8])
  expect(await tenths(0, 0, 2)).toEqual([0, 0, 0, 0, 0, 0, 1, 2, 3])
  await session.release()
})

test('hue rotations keep luminance, add up, have period 360°, and turn red to green', async () => {
  const shape = [3, 1, 1] as const
  const session = new AttributeSession({ shape, names: ['hue'], bounds: [-10, 10] })
  const channel = fc.double({ min: 0, max: 1, noNaN: true })
  const angle = fc.double({ min: -180, max: 180, noNaN: true })
  await fc.assert(
    fc.asyncProperty(fc.tuple(channel, channel, channel), angle, angle, async (rgb, a, b) => {
      const x = Float32Array.from(rgb)
      const once = await session.apply(x, [a])
      expect([luma([...once])]).toBeAllclose([luma(rgb)], { rtol: 0, atol: 1e-5 })
      expect(await session.apply(once, [b])).toBeAllclose(await session.apply(x, [a + b]), {
        rtol: 0,
        atol: 1e-5,
      })
      expect(await session.apply(x, [360])).toBeAllclose(x, { rtol: 0, atol: 1e-5 })
    }),
    { numRuns: 50 },
  )
  const [red, green, blue] = await session.apply(Float32Array.of(1, 0, 0), [90])
  expect(green! > red! && red! > blue!).toBe(true)
  await session.release()
})

test('hue of a gray image is rejected', () => {
  expect(
    () => new AttributeSession({ shape: [1, 4, 4], names: ['contrast', 'hue'], bounds: [0, 1] }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[ConfigError: the attribute "hue" needs images of red, green and blue, got [1, 1, 4, 4]; leave hue and saturation out of the threat model's ranges]`,
  )
})
