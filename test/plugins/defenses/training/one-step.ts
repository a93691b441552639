/** One training step of a defense on three images, for comparison with PyTorch. */
import { g } from '../../../../core/engine/graph/graph.ts'
import { float32 } from '../../../../core/engine/tensor/tensor.ts'
import type { DefensePlugin } from '../../../../core/plugin/contract.ts'
import type { NetworkDefinition } from '../../../../core/training/network.ts'
import { prepareDefense, trainingSet } from '../../../support/defense-context.ts'
import { loadModel } from '../../../../core/model/load.ts'

/*
 * The figures of the tests come from PyTorch 2.15 in float64, with
 *
 *   pixels[k, i] = ((37 i² + 61 i + 90 k) mod 256) / 255, labels = [0, 1, 2]
 *   W1 = sin(1 … 20).reshape(4, 5), W2 = cos(1 … 15).reshape(5, 3)
 *   f(x) = tanh((x − mean(pixels)) / std(pixels) W1) W2, with the biased std
 *
 * one inner attack with ε = 0.1 from the numbers of the stream (0, 'start', 0, 0), one step of
 * gradient descent with rate 0.5, and the logits f(pixels) after it.
 */
const shape = [1, 2, 2] as const
const pixels = Uint8Array.from({ length: 12 }, (_, at) => {
  const [k, i] = [Math.floor(at / 4), at % 4]
  return (37 * i * i + 61 * i + 90 * k) % 256
})
const data = trainingSet(shape, pixels, Int32Array.of(0, 1, 2), 3)

const network: NetworkDefinition = {
  title: 'two products',
  build(scope, images) {
    const fill =
      (wave: (x: number) => number) =>
      (values: Float32Array): void =>
        values.forEach((_, i) => (values[i] = wave(i + 1)))
    const first = scope.parameter('first', [4, 5], fill(Math.sin))
    const second = scope.parameter('second', [5, 3], fill(Math.cos))
    const flat = g.op('Flatten', [images])[0]!
    return g.matMul(g.tanh(g.matMul(flat, first)), second)
  },
}

/** One epoch of one batch: the logits `[3 · 3]` of the trained model. */
export async function afterOneStep<Options>(
  defense: DefensePlugin<Options>,
  options: Readonly<Record<string, unknown>> = {},
): Promise<Float32Array> {
  const plainDescent = {
    epochs: 1,
    batchSize: 3,
    learningRate: 0.5,
    momentum: 0,
    nesterov: false,
    weightDecay: 0,
    schedule: 'constant',
    crop: 0,
    flip: false,
    validation: 0,
    averaging: 0,
  }
  const { model, manifest } = await prepareDefense(
    defense,
    { ...plainDescent, ...options },
    { shape, classes: 3, network, data },
  )
  const loaded = await loadModel(model, manifest)
  const images = float32(
    [3, ...shape],
    Float32Array.from(pixels, (value) => value / 255),
  )
  const { data: logits } = await loaded.logits(images)
  await loaded.dispose()
  return logits
}
