/** Gradient maps: identities that hold for every model, central differences, and scales. */
import { describe, expect, test } from 'vitest'
import { gradient } from '../../../core/engine/graph/gradient.ts'
import { g } from '../../../core/engine/graph/graph.ts'
import { Session } from '../../../core/engine/graph/session.ts'
import type { Value } from '../../../core/engine/graph/value.ts'
import {
  estimateGradientMap,
  gradientMapScales,
  type GradientMapMode,
  type GradientMapScale,
} from '../../../core/model/gradient-map.ts'
import { float32, sizeOf, type FloatTensor } from '../../../core/engine/tensor/tensor.ts'
import { randomTensor } from '../../support/onnx-file.ts'

const classes = 5
const shape = [2, 4, 4] as const
const size = sizeOf(shape)
const count = 3
const kernel = g.constant(randomTensor([6, 2, 3, 3], 'kernel'))
const head = g.constant(randomTensor([24, classes], 'head'))
const images = randomTensor([count, ...shape], 'images')

/** Smooth, so that all derivatives exist; its logits are far enough apart to rank. */
function logitsOf(x: Value): Value {
  const hidden = g.tanh(g.conv(x, kernel))
  return g.mul(g.matMul(g.op('Flatten', [hidden])[0]!, head), 2)
}

const x = g.input('x', 'float32', ['n', ...shape])
const mapOf = (mode: GradientMapMode, normalize: GradientMapScale = 'none', top = 3): Value =>
  estimateGradientMap(logitsOf, x, { mode, normalize, count: top })

async function run(
  outputs: Record<string, Value>,
  inputs: FloatTensor = images,
): Promise<Record<string, Float32Array>> {
  const session = await Session.compile(outputs, [x])
  const results = await session.run({ x: inputs })
  await session.release()
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => [name, data as Float32Array]),
  )
}

/** Map k of example `row` in `[n, maps · c, h, w]`. */
function part(maps: Float32Array, row: number, k: number): Float32Array {
  const start = (row * (maps.length / count / size) + k) * size
  return maps.subarray(start, start + size)
}

function rank(logits: Float32Array, row: number): number[] {
  const z = logits.subarray(row * classes, (row + 1) * classes)
  return Array.from(z.keys()).toSorted((a, b) => z[b]! - z[a]!)
}

describe('the maps of all classes', () => {
  test('weighted by probability sum to zero; their mean is the uniform map', async () => {
    const { maps, p, uniform } = await run({
      maps: mapOf('all'),
      p: g.softmax(logitsOf(x)),
      uniform: mapOf('uniform'),
    })
    for (let row = 0; row < count; row++) {
      const weighed = new Float64Array(size)
      const mean = new Float64Array(size)
      let largest = 0
      for (let k = 0; k < classes; k++) {
        part(maps!, row, k).forEach((value, i) => {
          weighed[i]! += p![row * classes + k]! * value
          mean[i]! += value / classes
          largest = Math.max(largest, Math.abs(value))
        })
      }
      expect(Math.max(...weighed.map(Math.abs)) / largest).toBeLessThan(1e-5)
      expect(part(uniform!, row, 0)).toBeAllclose(mean, { rtol: 1e-4, atol: 1e-5 * largest })
    }
  })

  test('include those of the other modes', async () => {
    const { maps, pseudo, top, margin, logits } = await run({
      maps: mapOf('all'),
      pseudo: mapOf('pseudo'),
      top: mapOf('topk', 'none', 2),
      margin: mapOf('margin'),
      logits: logitsOf(x),
    })
    for (let row = 0; row < count; row++) {
      const [first, second] = rank(logits!, row) as [number, number]
      const [own, next] = [part(maps!, row, first), part(maps!, row, second)]
      expect(part(pseudo!, row, 0)).toEqual(own)
      expect(part(top!, row, 0)).toEqual(own)
      expect(part(top!, row, 1)).toEqual(next)
      // g_ŷ − g_s = Jᵀ(e_s − e_ŷ)
      const difference = own.map((value, i) => value - next[i]!)
      expect(part(margin!, row, 0)).toBeAllclose(difference, { rtol: 1e-4, atol: 1e-5 })
    }
  })

  test('include the oracle map of the true label', async () => {
    const labels = g.integers([1, 4, 0])
    const { maps, oracle } = await run({
      maps: mapOf('all'),
      oracle: estimateGradientMap(logitsOf, x, { mode: 'oracle', normalize: 'none', labels }),
    })
    for (const [row, label] of [1, 4, 0].entries()) {
      expect(part(oracle!, row, 0)).toEqual(part(maps!, row, label))
    }
  })

  test('need labels for the oracle', () => {
    const options = { mode: 'oracle', normalize: 'none' } as const
    expect(() => estimateGradientMap(logitsOf, x, options)).toThrow('mode oracle needs labels [n]')
  })

  test('match central differences of cross-entropy', async () => {
    const { maps } = await run({ maps: mapOf('all') })
    const direction = randomTensor([count, ...shape], 'direction').data
    const step = 1e-2
    const shifted = async (sign: number): Promise<Float32Array> => {
      const data = images.data.map((value, i) => value + sign * step * direction[i]!)
      const { logp } = await run({ logp: g.logSoftmax(logitsOf(x)) }, float32(images.shape, data))
      return logp!
    }
    const [above, below] = [await shifted(1), await shifted(-1)]
    for (let row = 0; row < count; row++) {
      for (let k = 0; k < classes; k++) {
        const at = row * classes + k
        const numeric = (below[at]! - above[at]!) / (2 * step)
        const analytic = part(maps!, row, k).reduce(
          (sum, value, i) => sum + value * direction[row * size + i]!,
          0,
        )
        // The step's square times the third derivative.
        expect(Math.abs(analytic - numeric)).toBeLessThan(2e-2 * Math.max(1, Math.abs(numeric)))
      }
    }
  })
})

test('the pseudo map of a confident model keeps its direction', async () => {
  // 1 − p_ŷ is about 1e-16 here, and would round to 0.
  const sure = (value: Value): Value =>
    g.add(logitsOf(value), g.floats([classes], [40, 0, 0, 0, 0]))
  const options = { mode: 'pseudo', normalize: 'none' } as const
  const { map, z } = await run({ map: estimateGradientMap(sure, x, options), z: logitsOf(x) })
  const { maps } = await run({ maps: mapOf('all') })
  const weights = Array.from(z!.subarray(1, classes), Math.exp)
  const total = weights.reduce((sum, value) => sum + value)
  // Σ_{k≠0} q_k (J_k − J_0) with q the softmax of the others; J_k − J_0 = g_0 − g_k.
  const expected = Float64Array.from({ length: size }, (_, i) =>
    weights.reduce(
      (sum, weight, k) =>
        sum + (weight / total) * (part(maps!, 0, 0)[i]! - part(maps!, 0, k + 1)[i]!),
      0,
    ),
  )
  const own = part(map!, 0, 0)
  const dot = own.reduce((sum, value, i) => sum + value * expected[i]!, 0)
  expect(dot / (norm(own) * norm(expected))).toBeGreaterThan(0.9999)
})

describe('scaled', () => {
  test.each(gradientMapScales)('by %s a map keeps its signs and is finite', async (normalize) => {
    const { map, plain } = await run({ map: mapOf('pseudo', normalize), plain: mapOf('pseudo') })
    expect(map!.map(Math.sign)).toEqual(plain!.map(Math.sign))
    expect(map!.every(Number.isFinite)).toBe(true)
  })
  test('each map has the size of its scale', async () => {
    const { rms, linf, frobenius, plain } = await run({
      rms: mapOf('all', 'rms'),
      linf: mapOf('all', 'linf'),
      frobenius: mapOf('all', 'frobPerChannel'),
      plain: mapOf('all'),
    })
    for (let row = 0; row < count; row++) {
      for (let k = 0; k < classes; k++) {
        const own = part(plain!, row, k)
        const scale = norm(own) / Math.sqrt(size)
        const clipped = own.map((value) => Math.min(3, Math.max(-3, value / scale)) / 3)
        expect(part(rms!, row, k)).toBeAllclose(clipped, { rtol: 1e-4, atol: 1e-6 })
        expect(Math.max(...part(linf!, row, k).map(Math.abs))).toBeCloseTo(1, 5)
        const channel = part(frobenius!, row, k).subarray(0, size / shape[0])
        expect(norm(channel)).toBeCloseTo(1, 4)
      }
    }
  })
  test('a map of zeros stays zero, and so does its derivative', async () => {
    const flat = (value: Value): Value =>
      g.mul(g.slice(g.op('Flatten', [value])[0]!, [0], [classes], [1]), 0)
    for (const normalize of gradientMapScales) {
      const map = estimateGradientMap(flat, x, { mode: 'margin', normalize })
      const [slope] = gradient(map, [x])
      const { map: zero, slope: none } = await run({ map, slope: slope! })
      expect(Math.max(...zero!.map(Math.abs), ...none!.map(Math.abs)), normalize).toBe(0)
    }
  })
})

function norm(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2
  return Math.sqrt(sum)
}
