/**
 * CIFAR networks and batches for the benchmarks. Weights and images are random: time does not
 * depend on them.
 */
import { g } from '../../dist/core/engine/graph/graph.js'
import { crossEntropy } from '../../dist/core/model/losses.js'
import { resolveOptions } from '../../dist/core/plugin/options.js'
import { exportModel } from '../../dist/core/training/export-model.js'
import { imageVariable } from '../../dist/core/training/attack-variable.js'
import { classifierModule } from '../../dist/core/training/module.js'
import { batchMean } from '../../dist/core/training/objectives.js'
import { sgd } from '../../dist/core/training/optimizer.js'
import { phaseGraph } from '../../dist/core/training/phase-graph.js'
import { LayerScope, ParameterStore } from '../../dist/core/training/scope.js'
import { randomStream } from '../../dist/core/base/random.js'
import { float32, int64 } from '../../dist/core/engine/tensor/tensor.js'
import { resnet } from '../../dist/plugins/networks/resnet.js'

export const imageShape = [3, 32, 32]
const classes = 10
const normalization = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] }

/** CIFAR ResNet-18 with `width` base channels. */
export function resnet18(width) {
  return cifarResnet({ width, blocks: [2, 2, 2, 2] })
}

/** ResNet-8 like the shipped models: three stages after a stem of stride 2. */
export function resnet8(width) {
  return cifarResnet({ width, blocks: [1, 1, 1], stemStride: 2 })
}

/** The built-in `resnet` with its schema's defaults for absent options. */
export function cifarResnet(options) {
  const resolved = resolveOptions(resnet.meta, options, resnet.meta.id)
  return resnet.define({ options: resolved, classes, inputShape: imageShape })
}

/** The network's logits for a placeholder `inputs`, and its parameters. */
export function logitsOf(network, { training, batch }) {
  const scope = new LayerScope({ training, seed: 0 })
  const images = g.input('inputs', 'float32', [batch, ...imageShape])
  return { images, scope, logits: network.build(scope, images) }
}

/** SGD on the cross-entropy of a network in training mode: a graph and the feeds of its state. */
export function trainingStep(network, batch) {
  const { phase } = trainingPhase(network)
  const { outputs, inputs, initial } = phaseGraph(phase, new ParameterStore(0), { batch })
  const feeds = { ...Object.fromEntries(initial), 'rate/weights': float32([], [0.1]) }
  return { outputs, inputs, feeds }
}

/** Training by SGD on clean images, or on those of PGD in Linf with that many steps. */
export function trainingPhase(network, steps = 0) {
  const classifier = classifierModule(network, normalization)
  const group = {
    name: 'weights',
    modules: [classifier],
    optimizer: sgd({ momentum: 0.9, weightDecay: 5e-4 }),
    rate: 0.1,
  }
  const threatModel = { norm: 'Linf', epsilon: 8 / 255, bounds: [0, 1] }
  const definition = {
    name: 'inner attack',
    steps,
    variables: { images: imageVariable({ threatModel, stepSize: 2 / 255 }) },
    loss: (m, { images, labels }) => crossEntropy(m.apply(classifier, [images]), labels),
  }
  const settings = (current) => ({ random: current.random('start') })
  const phase = {
    name: 'training step',
    inputs: { inputs: { shape: imageShape } },
    prepare: (current) => ({ inputs: current.images() }),
    ...(steps > 0 && { attack: { definition, input: 'inputs', settings } }),
    steps: [
      {
        updates: [group],
        loss(m, { inputs, labels }) {
          const logits = m.apply(classifier, [inputs], { training: true })
          return { loss: batchMean(crossEntropy(logits, labels)), logits }
        },
      },
    ],
  }
  return { phase, classifier }
}

/** The network with its initial weights as an ONNX file. */
export function initialModel(network) {
  const classifier = classifierModule(network, normalization)
  return exportModel((m, x) => m.apply(classifier, [x]), imageShape, new ParameterStore(0))
}

/** Random images in [0, 1] and labels. */
export function randomBatch(count) {
  const random = randomStream('bench')
  const size = imageShape.reduce((product, length) => product * length, count)
  return {
    inputs: float32(
      [count, ...imageShape],
      Float32Array.from({ length: size }, () => random.uniform()),
    ),
    labels: int64(
      [count],
      Array.from({ length: count }, (_, i) => i % classes),
    ),
  }
}
