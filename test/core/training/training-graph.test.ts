/** The inner attack's graph agrees with the exported model. */
import { expect, test } from 'vitest'
import { g } from '../../../core/engine/graph/graph.ts'
import { PreparedSession } from '../../../core/engine/graph/prepared-session.ts'
import { loadModel } from '../../../core/model/load.ts'
import { crossEntropy } from '../../../core/model/losses.ts'
import { plainManifest } from '../../../core/model/manifest.ts'
import { predictions } from '../../../core/model/predictions.ts'
import {
  batchNormalization,
  convolution,
  globalAverage,
  linear,
} from '../../../core/training/layers.ts'
import {
  attackGraph,
  exportModel,
  initialParameters,
  weightFeeds,
  type TrainedNetwork,
} from '../../../core/training/training-graph.ts'
import { readOnnx } from '../../../core/engine/onnx/file.ts'
import { randomStream } from '../../../core/base/random.ts'
import { float32, int64 } from '../../../core/engine/tensor/tensor.ts'
import { randomTensor } from '../../support/onnx-file.ts'

const trained: TrainedNetwork = {
  network: {
    title: 'tiny',
    build(scope, images) {
      const x = g.relu(
        batchNormalization(scope, convolution(scope, images, { channels: 16, kernel: 3 })),
      )
      return linear(
        scope,
        globalAverage(
          g.relu(
            batchNormalization(scope, convolution(scope, x, { channels: 8, kernel: 3, stride: 2 })),
          ),
        ),
        4,
      )
    },
  },
  inputShape: [3, 8, 8],
  mean: [0.4, 0.5, 0.6],
  std: [0.2, 0.25, 0.3],
  seed: 3,
}

/** Weights as after some training: statistics and scales differ from their initial values. */
function someWeights(seed: number): Map<string, ReturnType<typeof float32>> {
  const random = randomStream('weights', seed)
  return new Map(
    initialParameters(trained).map(({ name, initial }) => [
      name,
      float32(
        initial.shape,
        initial.data.map((value) => value + 0.2 * random.uniform()),
      ),
    ]),
  )
}

test('the inner attack uses the gradient of the exported model, for any weights', async () => {
  const attack = attackGraph(trained)
  const session = await PreparedSession.compile(attack.outputs, attack.weights, attack.inputs)
  const inputs = randomTensor([5, 3, 8, 8], 'inputs')
  const labels = Int32Array.of(0, 1, 2, 3, 0)
  for (const seed of [1, 2]) {
    const weights = someWeights(seed)
    await session.prepare(weightFeeds(weights))
    const outputs = await session.run({ inputs, labels: int64([5], labels) })
    const model = await loadModel(exportModel(trained, weights), plainManifest)
    const { gradient, logits } = await model.gradient(inputs, labels, crossEntropy)
    const largest = gradient.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    // Folded in another place: float32 rounding, relative to the largest slope.
    expect(outputs['gradient']!.data as Float32Array).toBeAllclose(gradient.data, {
      rtol: 1e-4,
      atol: 1e-5 * largest,
    })
    expect(Array.from(outputs['correct']!.data as Float32Array)).toEqual(
      Array.from(predictions(logits), (predicted, row) => Number(predicted === labels[row])),
    )
    await model.dispose()
  }
  await session.release()
})

test('the exported file takes raw images in any batch and has no batch normalization', () => {
  const graph = readOnnx(exportModel(trained, someWeights(1)), 'model')
  expect(graph.nodes.map(({ op }) => op)).toEqual([
    'Sub',
    'Div',
    'Conv',
    'Relu',
    'Conv',
    'Relu',
    'GlobalAveragePool',
    'Flatten',
    'Gemm',
    'Identity',
  ])
  expect(graph.inputs).toEqual([{ name: 'inputs', dtype: 'float32', shape: ['n', 3, 8, 8] }])
  expect(graph.outputs).toEqual([{ name: 'logits', dtype: 'float32', shape: ['n', 4] }])
})
