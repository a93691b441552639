/** The attack inside adversarial training, and the evaluation of weights after each epoch. */
import { sum } from '../base/sum.ts'
import type { Dataset } from '../data/dataset.ts'
import { Session } from '../engine/graph/session.ts'
import { randomStream, type RandomStream } from '../base/random.ts'
import { float32, int64, sizeOf, type FloatTensor } from '../engine/tensor/tensor.ts'
import type { ThreatModel } from '../threat/threat-model.ts'
import { attackGraph, type TrainedNetwork, type Weights } from './training-graph.ts'
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

/**
 * Attacks the network at inference (batch normalization uses running statistics). Each call loads
 * a session with the current weights as constants.
 */
export class InnerAttack {
  readonly #graph: ReturnType<typeof attackGraph>
  readonly #options: { readonly threads: number }

  constructor(trained: TrainedNetwork, options: { readonly threads: number }) {
    this.#graph = attackGraph(trained)
    this.#options = options
  }

  /** Adversarial examples of a batch `[n, c, h, w]`, in the shape of `clean`. */
  async run(
    clean: FloatTensor,
    labels: Int32Array,
    weights: Weights,
    adversary: Required<Adversary>,
    random: RandomStream,
  ): Promise<FloatTensor> {
    const session = await this.#session(weights)
    try {
      return await ascend(session, clean, labels, adversary, random)
    } finally {
      await session.release()
    }
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
    const session = await this.#session(weights)
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
    await session.release()
    const validationAccuracy = correct / rows.length
    return adversary
      ? { validationAccuracy, validationRobustAccuracy: robust / rows.length }
      : { validationAccuracy }
  }

  #session(weights: Weights): Promise<Session> {
    return Session.load(this.#graph.bake(weights), this.#options, 'inner attack')
  }
}

async function ascend(
  session: Session,
  clean: FloatTensor,
  labels: Int32Array,
  adversary: Required<Adversary>,
  random: RandomStream,
): Promise<FloatTensor> {
  const { norm, epsilon } = adversary.threatModel
  const data = clean.data.slice()
  const adversarial = float32(clean.shape, data)
  if (norm === 'Linf') {
    for (let i = 0; i < data.length; i++) data[i] = data[i]! + epsilon * (2 * random.uniform() - 1)
  } else {
    addUniformInBall(adversarial, epsilon, random)
  }
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

/**
 * Adds to each example a draw uniform in the L2 ball: a normal direction and a radius ε·u^(1/d),
 * since volume grows with the d-th power of the radius.
 */
function addUniformInBall(
  { data, shape }: FloatTensor,
  epsilon: number,
  random: RandomStream,
): void {
  const size = sizeOf(shape.slice(1))
  const direction = new Float64Array(size)
  for (let start = 0; start < data.length; start += size) {
    random.fillNormal(direction)
    let squares = 0
    for (const value of direction) squares += value * value
    const radius = epsilon * random.uniform() ** (1 / size)
    const scale = squares === 0 ? 0 : radius / Math.sqrt(squares)
    for (let i = 0; i < size; i++) data[start + i]! += scale * direction[i]!
  }
}

async function countCorrect(
  session: Session,
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
