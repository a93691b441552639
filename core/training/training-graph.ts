/** The graphs of training: one optimizer step, the inner attack's gradient, and the finished model. */
import { g } from '../engine/graph/graph.ts'
import { gradient } from '../engine/graph/gradient.ts'
import { foldBatchNormalization, substitute } from '../engine/graph/rewrite.ts'
import { parameterPrefix, toGraph, toOnnx } from '../engine/graph/serialize.ts'
import type { Value } from '../engine/graph/value.ts'
import { crossEntropy } from '../model/losses.ts'
import { writeOnnx } from '../engine/onnx/file.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import type { NetworkDefinition } from './network.ts'
import { LayerScope, type Parameter } from './scope.ts'

/** Parameters (and momentum buffers) by name. */
export type Weights = ReadonlyMap<string, FloatTensor>

export interface TrainedNetwork {
  readonly network: NetworkDefinition
  readonly inputShape: readonly [number, number, number]
  /** Per channel; put inside the model, so that it takes raw images. */
  readonly mean: readonly number[]
  readonly std: readonly number[]
  readonly seed: number
}

export interface OptimizerOptions {
  readonly momentum: number
  readonly weightDecay: number
  readonly nesterov: boolean
}

/** Builds the network over raw images; with `weights` its parameters are constants, otherwise placeholders. */
function build(
  trained: TrainedNetwork,
  images: Value,
  training: boolean,
): { scope: LayerScope; logits: Value } {
  const scope = new LayerScope({ training, seed: trained.seed })
  const channel = (values: readonly number[]): Value => g.floats([values.length, 1, 1], values)
  const normalized = g.div(g.sub(images, channel(trained.mean)), channel(trained.std))
  return { scope, logits: trained.network.build(scope, normalized) }
}

/** The parameters as they begin. */
export function initialParameters(trained: TrainedNetwork): readonly Parameter[] {
  const images = g.input('inputs', 'float32', ['n', ...trained.inputShape])
  return build(trained, images, true).scope.parameters
}

/**
 * One step of SGD with momentum on a batch: v ← μv + (∇ + λw), w ← w − rate·v (or w − rate·(∇ + λw + μv)
 * with Nesterov's form), as PyTorch has it. Placeholders: `inputs`, `labels`, `rate`, `parameter/…`,
 * `momentum/…`; outputs of the same names, and `loss` (mean) and `correct` (count).
 */
export function stepGraph(
  trained: TrainedNetwork,
  batch: number,
  optimizer: OptimizerOptions,
): Uint8Array {
  const images = g.input('inputs', 'float32', [batch, ...trained.inputShape])
  const labels = g.input('labels', 'int64', [batch])
  const rate = g.input('rate', 'float32', [])
  const { scope, logits } = build(trained, images, true)
  const loss = g.reduceMean(crossEntropy(logits, labels), [0])
  const trainable = scope.parameters.filter((parameter) => parameter.trainable)
  const gradients = gradient(
    loss,
    trainable.map((parameter) => parameter.value),
  )
  const outputs: Record<string, Value> = { loss, correct: countCorrect(logits, labels) }
  const placeholders = [images, labels, rate]
  trainable.forEach((parameter, i) => {
    const { name, value, initial, decays } = parameter
    const velocity = g.input(`momentum/${name}`, 'float32', initial.shape)
    const slope =
      decays && optimizer.weightDecay > 0
        ? g.add(gradients[i]!, g.mul(value, optimizer.weightDecay))
        : gradients[i]!
    const speed = g.add(g.mul(velocity, optimizer.momentum), slope)
    const direction = optimizer.nesterov ? g.add(slope, g.mul(speed, optimizer.momentum)) : speed
    outputs[`new/parameter/${name}`] = g.sub(value, g.mul(direction, rate))
    outputs[`new/momentum/${name}`] = speed
    placeholders.push(velocity)
  })
  for (const [name, value] of scope.updates) outputs[`new/parameter/${name}`] = value
  const used = scope.parameters.map((parameter) => parameter.value)
  return toOnnx(outputs, [...placeholders, ...used])
}

/**
 * The gradient of the inner attack, with the network at inference and its weights baked in:
 * onnxruntime lays out constant kernels once, at load, and keeps to its blocked layout with them,
 * which kernels that are fed do not get. `bake` puts in the weights of the moment.
 */
export function attackGraph(trained: TrainedNetwork): { bake(weights: Weights): Uint8Array } {
  const images = g.input('inputs', 'float32', ['n', ...trained.inputShape])
  const labels = g.input('labels', 'int64', ['n'])
  const { scope, logits } = build(trained, images, false)
  // Folded while they are placeholders, so that the folding is part of the graph; then constants, by name.
  const constants = new Map(
    scope.parameters.map(({ value, initial }) => [value, g.constant(initial, value.node.name)]),
  )
  const [fixed] = substitute(foldBatchNormalization([logits]), constants)
  const [derivative] = gradient(crossEntropy(fixed!, labels), [images])
  const template = toGraph({ gradient: derivative!, correct: correctness(fixed!, labels) }, [
    images,
    labels,
  ])
  return {
    bake(weights) {
      const initializers = new Map(template.initializers)
      for (const [name, value] of weights) initializers.set(`${parameterPrefix}${name}`, value)
      return writeOnnx({ ...template, initializers })
    },
  }
}

/** The finished model: `inputs` `[n, c, h, w]` to `logits` `[n, k]`, normalization inside, batch normalization folded. */
export function exportModel(trained: TrainedNetwork, weights: Weights): Uint8Array {
  const images = g.input('inputs', 'float32', ['n', ...trained.inputShape])
  const { scope, logits } = build(trained, images, false)
  const constants = new Map(
    scope.parameters.map(({ name, value }) => [value, g.constant(weights.get(name)!, name)]),
  )
  const [folded] = foldBatchNormalization(substitute([logits], constants))
  return toOnnx({ logits: folded! }, [images])
}

/** Per example: 1 where the largest logit is the label's. */
function correctness(logits: Value, labels: Value): Value {
  const predicted = g.op('ArgMax', [logits], { axis: 1, keepdims: 0 })[0]!
  return g.cast(g.equal(predicted, labels), 'float32')
}

function countCorrect(logits: Value, labels: Value): Value {
  return g.reduceSum(correctness(logits, labels), [0])
}
