/** The graphs of training: an optimizer step, the inner attack's gradient, the exported model. */
import { g } from '../engine/graph/graph.ts'
import { gradient } from '../engine/graph/gradient.ts'
import { foldBatchNormalization, substitute } from '../engine/graph/rewrite.ts'
import { parameterPrefix, toOnnx } from '../engine/graph/serialize.ts'
import type { Value } from '../engine/graph/value.ts'
import { crossEntropy } from '../model/losses.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import type { NetworkDefinition } from './network.ts'
import { LayerScope, type Parameter } from './scope.ts'

/** Parameters (and momentum buffers) by name. */
export type Weights = ReadonlyMap<string, FloatTensor>

/** Weights as the inputs of a graph. */
export function weightFeeds(weights: Weights): Record<string, FloatTensor> {
  return Object.fromEntries(
    [...weights].map(([name, value]) => [`${parameterPrefix}${name}`, value]),
  )
}

/** A network with the normalization of its inputs, and the seed of its initial weights. */
export interface TrainedNetwork {
  readonly network: NetworkDefinition
  readonly inputShape: readonly [number, number, number]
  /** Per channel. Normalization is part of the model, which therefore takes raw images. */
  readonly mean: readonly number[]
  readonly std: readonly number[]
  readonly seed: number
}

/** Options of SGD with momentum. */
export interface OptimizerOptions {
  readonly momentum: number
  readonly weightDecay: number
  readonly nesterov: boolean
}

/** Outputs by name and placeholders, for `Session.compile`. */
export interface TrainingGraph {
  readonly outputs: Readonly<Record<string, Value>>
  readonly inputs: readonly Value[]
}

/** Builds the network on raw images, with placeholders for its parameters. */
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

/** The parameters with their initial values. */
export function initialParameters(trained: TrainedNetwork): readonly Parameter[] {
  const images = g.input('inputs', 'float32', ['n', ...trained.inputShape])
  return build(trained, images, true).scope.parameters
}

/**
 * One step of SGD with momentum on a batch, as in PyTorch: v ← μv + (∇ + λw), then w ← w − rate·v,
 * or w ← w − rate·(∇ + λw + μv) with Nesterov momentum. Inputs: `inputs`, `labels`, `rate`,
 * `parameter/…`, `momentum/…`. Outputs: `new/parameter/…`, `new/momentum/…`, `loss` (mean),
 * `correct` (count).
 */
export function stepGraph(
  trained: TrainedNetwork,
  batch: number,
  optimizer: OptimizerOptions,
): TrainingGraph {
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
  return { outputs, inputs: [...placeholders, ...used] }
}

/**
 * The gradient of the inner attack with the network at inference. Inputs: `inputs`, `labels`, and
 * the weights, which are apart because they stay the same over the steps of an attack. Outputs:
 * `gradient` of each example's loss, and `correct` (0 or 1 for each).
 */
export function attackGraph(
  trained: TrainedNetwork,
): TrainingGraph & { readonly weights: readonly Value[] } {
  const images = g.input('inputs', 'float32', ['n', ...trained.inputShape])
  const labels = g.input('labels', 'int64', ['n'])
  const { scope, logits } = build(trained, images, false)
  const [folded] = foldBatchNormalization([logits])
  const [derivative] = gradient(crossEntropy(folded!, labels), [images])
  return {
    outputs: { gradient: derivative!, correct: correctness(folded!, labels) },
    inputs: [images, labels],
    weights: scope.parameters.map((parameter) => parameter.value),
  }
}

/**
 * The exported model: `inputs` `[n, c, h, w]` to `logits` `[n, k]`, with normalization inside and
 * batch normalization folded.
 */
export function exportModel(trained: TrainedNetwork, weights: Weights): Uint8Array {
  const images = g.input('inputs', 'float32', ['n', ...trained.inputShape])
  const { scope, logits } = build(trained, images, false)
  const constants = new Map(
    scope.parameters.map(({ name, value }) => [value, g.constant(weights.get(name)!, name)]),
  )
  const [folded] = foldBatchNormalization(substitute([logits], constants))
  return toOnnx({ logits: folded! }, [images])
}

/** `[n]`: 1 where the prediction is the label, else 0. */
function correctness(logits: Value, labels: Value): Value {
  const predicted = g.op('ArgMax', [logits], { axis: 1, keepdims: 0 })[0]!
  return g.cast(g.equal(predicted, labels), 'float32')
}

function countCorrect(logits: Value, labels: Value): Value {
  return g.reduceSum(correctness(logits, labels), [0])
}
