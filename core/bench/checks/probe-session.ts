/** The state that probes share: correctly classified examples, and cached measurements. */
import { GraphError } from '../../base/errors.ts'
import { crossEntropy } from '../../model/losses.ts'
import type { Model } from '../../model/model.ts'
import { withDraws } from '../../model/noise.ts'
import { predictions } from '../../model/predictions.ts'
import type { RandomStream } from '../../base/random.ts'
import { gatherRows, sizeOf } from '../../engine/tensor/tensor.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import { createBall } from '../../threat/ball.ts'
import type { Ball } from '../../threat/ball.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import { batchedLogits } from './batched.ts'
import type { ProbeContext } from './probe-context.ts'

/** One model on one sample. Probes share its measurements. */
export class ProbeSession {
  readonly context: ProbeContext
  /** `[n, c, h, w]`: the correctly classified examples. */
  readonly inputs: FloatTensor
  /** `[n]` */
  readonly labels: Int32Array
  /** `[n, k]` */
  readonly logits: FloatTensor
  /** `[n, k]`: of the whole sample, including misclassified examples. */
  readonly sampleLogits: FloatTensor
  /** Without its transform. */
  readonly threatModel: ThreatModel
  readonly #rows: Int32Array
  readonly #results = new Map<string, unknown>()

  private constructor(context: ProbeContext, logits: FloatTensor) {
    const predicted = predictions(logits)
    this.#rows = Int32Array.from(predicted.keys()).filter(
      (row) => predicted[row] === context.labels[row],
    )
    this.context = context
    this.inputs = gatherRows(context.inputs, this.#rows)
    this.labels = this.#rows.map((row) => context.labels[row]!)
    this.sampleLogits = logits
    this.logits = gatherRows(logits, this.#rows)
    const { norm, epsilon, bounds } = context.threatModel
    this.threatModel = { norm, epsilon, bounds }
  }

  /** Classifies the sample. Cost: one forward pass per example. */
  static async open(given: ProbeContext): Promise<ProbeSession> {
    // Results must not depend on earlier queries of a stochastic model.
    const context = { ...given, model: withDraws(given.model, 'probes') }
    return new ProbeSession(context, await batchedLogits(context, context.inputs))
  }

  get model(): Model {
    return this.context.model
  }
  /** Number of examples. */
  get count(): number {
    return this.labels.length
  }

  /** Pixels of one example: a view, not a copy. */
  example(row: number): Float32Array {
    const size = sizeOf(this.inputs.shape.slice(1))
    return this.inputs.data.subarray(row * size, (row + 1) * size)
  }

  /** The ball around one example. */
  ball(row: number, threatModel = this.threatModel): Ball {
    return createBall(threatModel, this.example(row))
  }

  /** Random numbers of one example, independent of the other examples in the sample. */
  stream(row: number, name: string): RandomStream {
    return this.context.rng.stream(this.#rows[row]!, 0, name)
  }

  /**
   * Measures once per name, and returns the cached result afterwards. A name includes all
   * parameters.
   */
  async once<T>(name: string, measure: () => Promise<T>): Promise<T> {
    // Each name belongs to one caller, and so to one type.
    let result = this.#results.get(name) as Promise<T> | undefined
    result ??= measure()
    this.#results.set(name, result)
    return result
  }

  /** The reason why the model has no gradient; undefined if it has one. */
  noGradient(): Promise<GraphError | undefined> {
    return this.once('no gradient', async () => {
      try {
        await this.model.gradient(
          gatherRows(this.inputs, [0]),
          this.labels.slice(0, 1),
          crossEntropy,
        )
        return undefined
      } catch (error) {
        if (error instanceof GraphError && error.code === 'ROBENCH_NO_GRADIENT') return error
        throw error
      }
    })
  }
}
