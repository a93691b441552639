/** Where probes measure: the examples of the sample that the model gets right, and what was already found out about them. */
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

export class ProbeSession {
  readonly context: ProbeContext
  /** `[n, c, h, w]`, only what the model gets right. */
  readonly inputs: FloatTensor
  /** `[n]` */
  readonly labels: Int32Array
  /** `[n, k]` */
  readonly logits: FloatTensor
  /** Without transform. */
  readonly threatModel: ThreatModel
  readonly #rows: Int32Array
  readonly #known = new Map<string, unknown>()

  private constructor(context: ProbeContext, logits: FloatTensor) {
    const predicted = predictions(logits)
    this.#rows = Int32Array.from(predicted.keys()).filter(
      (row) => predicted[row] === context.labels[row],
    )
    this.context = context
    this.inputs = gatherRows(context.inputs, this.#rows)
    this.labels = this.#rows.map((row) => context.labels[row]!)
    this.logits = gatherRows(logits, this.#rows)
    const { norm, epsilon, bounds } = context.threatModel
    this.threatModel = { norm, epsilon, bounds }
  }

  /** One forward pass per example. */
  static async open(given: ProbeContext): Promise<ProbeSession> {
    // So that checks do not depend on what the model was asked before.
    const context = { ...given, model: withDraws(given.model, 'probes') }
    return new ProbeSession(context, await batchedLogits(context, context.inputs))
  }

  get model(): Model {
    return this.context.model
  }
  /** How many examples there are to measure on. */
  get count(): number {
    return this.labels.length
  }

  /** The one example, a view. */
  example(row: number): Float32Array {
    const size = sizeOf(this.inputs.shape.slice(1))
    return this.inputs.data.subarray(row * size, (row + 1) * size)
  }

  ball(row: number, threatModel = this.threatModel): Ball {
    return createBall(threatModel, this.example(row))
  }

  /** An example's random numbers: they do not depend on which other examples the model gets right. */
  stream(row: number, name: string): RandomStream {
    return this.context.rng.stream(this.#rows[row]!, 0, name)
  }

  /** The answer that was given under that name before, or else a new one. Names say everything that it depends on. */
  async once<T>(name: string, measure: () => Promise<T>): Promise<T> {
    // Each name belongs to one call, and so to one type.
    let answer = this.#known.get(name) as Promise<T> | undefined
    answer ??= measure()
    this.#known.set(name, answer)
    return answer
  }

  /** Why there is no gradient, or undefined where there is one. */
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
