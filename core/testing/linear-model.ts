/** A linear classifier in TypeScript, to test attacks where the exact robustness is known. */
import { GraphError } from '../base/errors.ts'
import type {
  GradientResult,
  Model,
  ModelVariant,
  PassCounts,
  Program,
  TargetedLoss,
} from '../model/model.ts'
import { checkComponentNames } from '../model/components.ts'
import { randomStream } from '../base/random.ts'
import { tensor } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import { lossRules } from './linear-losses.ts'

/** Logits z = W·x + b. */
export interface LinearClassifier {
  readonly inputShape: readonly [channels: number, height: number, width: number]
  readonly classes: number
  /** W: `[classes, c · h · w]` */
  readonly weights: Float64Array
  /** b: `[classes]` */
  readonly bias: Float64Array
}

/** A classifier with standard normal weights, and a bias that makes its logits 0 at 0.5. */
export function randomLinearClassifier(
  inputShape: LinearClassifier['inputShape'],
  classes: number,
  seed: number,
): LinearClassifier {
  const size = inputShape[0] * inputShape[1] * inputShape[2]
  const stream = randomStream(seed, 'linear classifier')
  const weights = Float64Array.from({ length: classes * size }, () => stream.normal())
  const bias = Float64Array.from({ length: classes }, (_, row) => {
    let sum = 0
    for (let i = 0; i < size; i++) sum += weights[row * size + i]!
    return -sum / 2
  })
  return { inputShape, classes, weights, bias }
}

/**
 * The classifier as a model with bounds [0, 1]. It computes in float64, returns float32, and
 * computes each row by itself, so results are the same in any batch. It has the gradients of the
 * losses in core/model/losses.ts in closed form, and no graph to compile.
 */
export class LinearModel implements Model {
  readonly inputShape: LinearClassifier['inputShape']
  readonly classes: number
  readonly bounds = [0, 1] as const
  readonly hash = 'linear'
  readonly components = []
  readonly stochastic = false
  readonly #classifier: LinearClassifier
  #forward = 0
  #backward = 0

  constructor(classifier: LinearClassifier) {
    this.inputShape = classifier.inputShape
    this.classes = classifier.classes
    this.#classifier = classifier
  }

  get passes(): PassCounts {
    return { forward: this.#forward, backward: this.#backward }
  }

  async logits(inputs: FloatTensor): Promise<FloatTensor> {
    const count = inputs.shape[0]!
    const { weights, bias } = this.#classifier
    const size = weights.length / this.classes
    const data = new Float32Array(count * this.classes)
    for (let row = 0; row < count; row++) {
      for (let k = 0; k < this.classes; k++) {
        let sum = bias[k]!
        for (let i = 0; i < size; i++) sum += weights[k * size + i]! * inputs.data[row * size + i]!
        data[row * this.classes + k] = sum
      }
    }
    this.#forward += count
    return tensor('float32', [count, this.classes], data)
  }

  async gradient(
    inputs: FloatTensor,
    labels: Int32Array,
    loss: TargetedLoss,
    targets?: Int32Array,
  ): Promise<GradientResult> {
    const rule = lossRules.get(loss)
    if (rule === undefined) {
      throw new GraphError(
        'ROBENCH_GRAPH',
        'the linear test model supports only the losses of robench: ' +
          'crossEntropy, margin, targetedMargin, dlr, dlrTargeted',
      )
    }
    const logits = await this.logits(inputs)
    const count = labels.length
    const { weights } = this.#classifier
    const size = weights.length / this.classes
    const losses = new Float32Array(count)
    const gradient = new Float32Array(count * size)
    for (let row = 0; row < count; row++) {
      const z = logits.data.subarray(row * this.classes, (row + 1) * this.classes)
      const { value, dz } = rule(z, labels[row]!, targets?.[row] ?? -1)
      losses[row] = value
      for (let i = 0; i < size; i++) {
        let sum = 0
        for (let k = 0; k < this.classes; k++) sum += dz[k]! * weights[k * size + i]!
        gradient[row * size + i] = sum
      }
    }
    this.#backward += count
    return { logits, losses, gradient: tensor('float32', inputs.shape, gradient) }
  }

  async compile(): Promise<Program> {
    throw new GraphError(
      'ROBENCH_GRAPH',
      'the linear test model has no graph to compile with; ' +
        'test attacks that compile on a model from createModel',
    )
  }

  /** The model itself: it has no components, thresholds or random numbers. */
  variant(options: ModelVariant): Model {
    checkComponentNames(this.components, options, 'the linear test model')
    return this
  }

  async dispose(): Promise<void> {}
}
