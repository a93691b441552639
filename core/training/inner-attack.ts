/** The attack inside adversarial training, and the evaluation of weights after each epoch. */
import { sum } from '../base/sum.ts'
import type { Dataset } from '../data/dataset.ts'
import { PreparedSession } from '../engine/graph/prepared-session.ts'
import { randomStream, type RandomStream } from '../base/random.ts'
import { float32, int64, sizeOf, type FloatTensor } from '../engine/tensor/tensor.ts'
import type { ThreatModel } from '../threat/threat-model.ts'
import { attackGraph, weightFeeds, type TrainedNetwork, type Weights } from './training-graph.ts'
import type { Adversary } from './training-options.ts'

/** The adversary after a fraction `progress` of training, in [0, 1): see `Adversary.ramp`. */
export function rampedAdversary(
  adversary: Required<Adversary>,
  progress: number,
): Required<Adversary> {
  const { ramp, threatModel, stepSize } = adversary
  if (progress >= ramp) return adversary
  const factor = progress / ramp
  return {
    ...adversary,
    threatModel: { ...threatModel, epsilon: factor * threatModel.epsilon },
    stepSize: factor * stepSize,
  }
}

const evaluationBatch = 100
/** Steps of the attack that measures validation accuracy. */
const evaluationSteps = 10

/** Attacks the network at inference (batch normalization uses running statistics). */
export class InnerAttack {
  readonly #session: PreparedSession

  private constructor(session: PreparedSession) {
    this.#session = session
  }

  /** Loads the session of the attack; `release` frees it. */
  static async load(
    trained: TrainedNetwork,
    options: { readonly threads: number },
  ): Promise<InnerAttack> {
    const { outputs, inputs, weights } = attackGraph(trained)
    return new InnerAttack(
      await PreparedSession.compile(outputs, weights, inputs, options, 'inner attack'),
    )
  }

  /** Adversarial examples of a batch `[n, c, h, w]`, in the shape of `clean`. */
  async run(
    clean: FloatTensor,
    labels: Int32Array,
    weights: Weights,
    adversary: Required<Adversary>,
    random: RandomStream,
  ): Promise<FloatTensor> {
    await this.#session.prepare(weightFeeds(weights), 'inner attack')
    return ascend(this.#session, clean, labels, adversary, random)
  }

  /**
   * Accuracy on held-out examples: clean, and under the adversary with 10 steps of size ε/4.
   * @returns fractions; 0 if there are no examples
   */
  async evaluate(
    data: Dataset,
    rows: Uint32Array,
    weights: Weights,
    adversary: Required<Adversary> | undefined,
  ): Promise<{ validationAccuracy: number; validationRobustAccuracy?: number }> {
    if (rows.length === 0) return { validationAccuracy: 0 }
    const session = this.#session
    await session.prepare(weightFeeds(weights), 'evaluation')
    let correct = 0
    let robust = 0
    for (let start = 0; start < rows.length; start += evaluationBatch) {
      const part = rows.subarray(start, start + evaluationBatch)
      const inputs = data.rows(part)
      const labels = Int32Array.from(part, (row) => data.labels[row]!)
      correct += await countCorrect(session, inputs, labels)
      if (!adversary) continue
      const harder = {
        ...adversary,
        steps: evaluationSteps,
        stepSize: adversary.threatModel.epsilon / 4,
      }
      const attacked = await ascend(
        session,
        inputs,
        labels,
        harder,
        randomStream('evaluation', start),
      )
      robust += await countCorrect(session, attacked, labels)
    }
    const validationAccuracy = correct / rows.length
    return adversary
      ? { validationAccuracy, validationRobustAccuracy: robust / rows.length }
      : { validationAccuracy }
  }

  /** Frees the session. */
  release(): Promise<void> {
    return this.#session.release()
  }
}

async function ascend(
  session: PreparedSession,
  clean: FloatTensor,
  labels: Int32Array,
  adversary: Required<Adversary>,
  random: RandomStream,
): Promise<FloatTensor> {
  const { norm, epsilon } = adversary.threatModel
  const data = clean.data.slice()
  const adversarial = float32(clean.shape, data)
  for (let i = 0; i < data.length; i++) data[i] = data[i]! + epsilon * (2 * random.uniform() - 1)
  const project = norm === 'Linf' ? projectLinf : projectL2
  project(adversarial, clean, adversary.threatModel)
  for (let step = 0; step < adversary.steps; step++) {
    const outputs = await session.run(
      { inputs: adversarial, labels: int64([labels.length], labels) },
      'inner attack',
    )
    const gradient = outputs['gradient']!.data as Float32Array
    if (norm === 'Linf') {
      for (let i = 0; i < data.length; i++)
        data[i] = data[i]! + adversary.stepSize * Math.sign(gradient[i]!)
    } else {
      stepAlongUnit(adversarial, gradient, adversary.stepSize)
    }
    project(adversarial, clean, adversary.threatModel)
  }
  return adversarial
}

async function countCorrect(
  session: PreparedSession,
  inputs: FloatTensor,
  labels: Int32Array,
): Promise<number> {
  const outputs = await session.run(
    { inputs, labels: int64([labels.length], labels) },
    'evaluation',
  )
  return sum(outputs['correct']!.data as Float32Array)
}

function projectLinf(
  adversarial: FloatTensor,
  clean: FloatTensor,
  { epsilon, bounds: [low, high] }: ThreatModel,
): void {
  const { data } = adversarial
  for (let i = 0; i < data.length; i++) {
    const center = clean.data[i]!
    data[i] = Math.min(Math.max(data[i]!, center - epsilon, low), center + epsilon, high)
  }
}

function projectL2(
  adversarial: FloatTensor,
  clean: FloatTensor,
  { epsilon, bounds: [low, high] }: ThreatModel,
): void {
  const size = sizeOf(adversarial.shape.slice(1))
  const { data } = adversarial
  for (let start = 0; start < data.length; start += size) {
    let squares = 0
    for (let i = start; i < start + size; i++) squares += (data[i]! - clean.data[i]!) ** 2
    const scale = Math.min(1, epsilon / Math.max(Math.sqrt(squares), 1e-12))
    for (let i = start; i < start + size; i++) {
      const center = clean.data[i]!
      data[i] = Math.min(Math.max(center + (data[i]! - center) * scale, low), high)
    }
  }
}

/** Moves each example by `stepSize` along its gradient, scaled to unit L2 norm. */
function stepAlongUnit(adversarial: FloatTensor, gradient: Float32Array, stepSize: number): void {
  const size = sizeOf(adversarial.shape.slice(1))
  for (let start = 0; start < gradient.length; start += size) {
    let squares = 0
    for (let i = start; i < start + size; i++) squares += gradient[i]! ** 2
    const scale = stepSize / Math.max(Math.sqrt(squares), 1e-12)
    for (let i = start; i < start + size; i++)
      adversarial.data[i] = adversarial.data[i]! + scale * gradient[i]!
  }
}
