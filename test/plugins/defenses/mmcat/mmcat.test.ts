/** MMCAT: modalities and fusion by their definitions, training, and the ablations. */
import { describe, expect, test } from 'vitest'
import { g } from '../../../../core/engine/graph/graph.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import type { Value } from '../../../../core/engine/graph/value.ts'
import { float32, type FloatTensor } from '../../../../core/engine/tensor/tensor.ts'
import { convolution, globalAverage, linear } from '../../../../core/training/layers.ts'
import type { NetworkDefinition } from '../../../../core/training/network.ts'
import { fuseLogits } from '../../../../plugins/defenses/mmcat/fusion.ts'
import { mmcat } from '../../../../plugins/defenses/mmcat/mmcat.ts'
import { modality, type ModalityName } from '../../../../plugins/defenses/mmcat/modalities.ts'
import { prepareDefense, runFile } from '../../../support/defense-context.ts'
import { randomTensor } from '../../../support/onnx-file.ts'
import { barsData } from '../training/bars.ts'

async function evaluate(build: (x: Value) => Value, x: FloatTensor): Promise<FloatTensor> {
  const input = g.input('x', 'float32', x.shape)
  const session = await Session.compile({ y: build(input) }, [input])
  const { y } = await session.run({ x })
  await session.release()
  return y as FloatTensor
}

function unit(shape: readonly number[], name: string): FloatTensor {
  return float32(
    shape,
    randomTensor(shape, name).data.map((value) => 0.5 + 0.25 * value),
  )
}

describe('modalities', () => {
  const images = unit([2, 3, 8, 8], 'images')
  const of = (name: ModalityName): Promise<FloatTensor> =>
    evaluate((x) => modality(name, x, 3), images)

  test('high and low frequencies add up to the image', async () => {
    const [high, low] = [await of('high'), await of('low')]
    const sum = high.data.map((value, i) => value - 0.5 + low.data[i]!)
    expect(sum).toBeAllclose(images.data, { atol: 1e-5 })
  })

  test('gray is luminance', async () => {
    const gray = await of('gray')
    expect(gray.shape).toEqual([2, 1, 8, 8])
    const at = (channel: number): number => images.data[channel * 64 + 10]!
    expect(gray.data[10]).toBeCloseTo(0.299 * at(0) + 0.587 * at(1) + 0.114 * at(2), 6)
  })

  test('edge is the Sobel magnitude: constant images have none, a ramp has its slope', async () => {
    const ramp = float32(
      [1, 1, 8, 8],
      Array.from({ length: 64 }, (_, i) => 0.1 * (i % 8)),
    )
    const edge = await evaluate((x) => modality('edge', x, 3), ramp)
    // Inside, Gx = 8 · 0.1 and Gy = 0; at the left and right border half as much.
    expect(edge.data[3 * 8 + 4]).toBeCloseTo(0.2, 5)
    expect(edge.data[3 * 8]).toBeCloseTo(0.1, 5)
    const flat = await evaluate(
      (x) => modality('edge', x, 3),
      float32([1, 1, 8, 8], new Float32Array(64).fill(0.4)),
    )
    // √1e-6 / 4.
    expect(Math.max(...flat.data)).toBeCloseTo(0.00025, 5)
  })
})

describe('fusion', () => {
  test('is the logarithm of the mean probability, where probabilities underflow too', async () => {
    const logits = float32([2, 3], [1, 2, 0, 0, 300, -300])
    const fused = await evaluate((x) => fuseLogits([x, g.mul(x, -1)]), logits)
    const softmax = (row: number[]): number[] => {
      const total = row.reduce((sum, z) => sum + Math.exp(z), 0)
      return row.map((z) => Math.exp(z) / total)
    }
    const [p, q] = [softmax([1, 2, 0]), softmax([-1, -2, 0])]
    const expected = p.map((value, k) => Math.log((value + q[k]!) / 2))
    expect(fused.data.subarray(0, 3)).toBeAllclose(expected, { rtol: 1e-5, atol: 1e-6 })
    // One branch is sure of class 1, the other of class 2; class 0 has e⁻³⁰⁰ in both.
    const far = [-300, -Math.LN2, -Math.LN2]
    expect(fused.data.subarray(3)).toBeAllclose(far, { rtol: 1e-5 })
  })

  test('of one branch leaves its logits', async () => {
    const logits = float32([1, 3], [1, 2, 0])
    expect((await evaluate((x) => g.mul(fuseLogits([x]), 1), logits)).data).toEqual(logits.data)
  })
})

describe('training', () => {
  const shape = [3, 8, 8] as const
  const data = barsData(3)
  const network: NetworkDefinition = {
    title: 'tiny CNN',
    build: (scope, images) =>
      linear(
        scope,
        globalAverage(g.relu(convolution(scope, images, { channels: 4, kernel: 3 }))),
        2,
      ),
  }
  const trained = (options: Readonly<Record<string, unknown>>): ReturnType<typeof prepareDefense> =>
    prepareDefense(
      mmcat,
      {
        epochs: 2,
        batchSize: 16,
        learningRate: 0.1,
        crop: 0,
        validation: 0,
        steps: 2,
        radius: 2,
        ...options,
      },
      { shape, network, data, threatModel: { norm: 'Linf', epsilon: 0.03, bounds: [0, 1] } },
    )

  test('trains one network for each modality; the file alone returns log probabilities', async () => {
    const { model, training } = await trained({})
    // Two networks on three channels, one on one: 4·9·c + 4·2 + 2.
    expect(training!['parameters']).toBe(2 * (108 + 10) + 36 + 10)
    const logits = await runFile(model, data.rows([0, 1, 2]), 'inputs')
    for (let row = 0; row < 3; row++) {
      const sum = Math.exp(logits.data[2 * row]!) + Math.exp(logits.data[2 * row + 1]!)
      expect(sum).toBeCloseTo(1, 5)
    }
  })

  test('ablations give other models', async () => {
    const model = async (options: Readonly<Record<string, unknown>>): Promise<string> =>
      Buffer.from((await trained({ ...options, epochs: 1 })).model).toString('base64')
    const variants = [{}, { kappa: 0 }, { gamma: 0 }, { temperature: 2 }, { modalities: ['rgb'] }]
    const models = await Promise.all(variants.map(model))
    expect(new Set(models).size).toBe(5)
  })

  test('the collaboration is reported, and falls as networks learn from each other', async () => {
    const divergence = async (gamma: number): Promise<number> => {
      const { training } = await trained({ gamma, epochs: 8 })
      const epochs = training!['epochs'] as { metrics: { collaboration: number } }[]
      return epochs.at(-1)!.metrics.collaboration
    }
    expect(await divergence(20)).toBeLessThan(0.5 * (await divergence(1e-6)))
  })
})
