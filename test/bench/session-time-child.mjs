/** Prints the seconds in which a ResNet-18 and its gradient are ready and have run once. */
import { loadModel } from '../../dist/core/model/load.js'
import { crossEntropy } from '../../dist/core/model/losses.js'
import { imageShape, initialModel, randomBatch, resnet18 } from './networks.mjs'

const bytes = initialModel(resnet18(64))
const { inputs } = randomBatch(1)
const started = performance.now()
const model = await loadModel(
  bytes,
  { bounds: [0, 1], layout: 'NCHW' },
  { inputShape: imageShape, classes: 10 },
)
await model.gradient(inputs, Int32Array.of(0), crossEntropy)
process.stdout.write(String((performance.now() - started) / 1000))
await model.dispose()
