/** Training of a classifier, standard or adversarial, as graphs on onnxruntime. */
import { join } from 'node:path'
import type { Dataset } from '../data/dataset.ts'
import { ConfigError, RunError } from '../base/errors.ts'
import { Session } from '../engine/graph/session.ts'
import { hashJson } from '../base/hash.ts'
import { randomStream } from '../base/random.ts'
import { float32, int64, type FloatTensor, type Tensor } from '../engine/tensor/tensor.ts'
import { augment, type Augmentation } from './augment.ts'
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { InnerAttack, rampedAdversary, type Adversary } from './inner-attack.ts'
import type { NetworkDefinition } from './network.ts'
import { scheduleFactor, type ScheduleName } from './schedule.ts'
import { exportModel, initialParameters, stepGraph, type TrainedNetwork } from './training-graph.ts'

export interface TrainingOptions {
  readonly network: NetworkDefinition
  readonly data: Dataset
  readonly epochs: number
  readonly batchSize: number
  readonly learningRate: number
  readonly momentum: number
  readonly weightDecay: number
  readonly nesterov: boolean
  readonly schedule: ScheduleName
  /** A first fraction of training in which the rate rises from 0. */
  readonly warmup: number
  readonly augmentation: Augmentation
  /** Examples held out, from a random order of the training split, to watch progress. */
  readonly validation: number
  /** Decay per step of the running average of weights that becomes the model; 0 for the last weights. */
  readonly averaging: number
  /** Train on this attack's examples (Madry et al. 2018) instead of clean ones. */
  readonly adversary?: Adversary
  readonly seed: number
  readonly threads: number
  readonly signal: AbortSignal
  /** Whatever else identifies this training: a checkpoint of another is not taken up. */
  readonly identity: string
  readonly checkpointFolder: string
  progress(state: {
    epoch: number
    epochs: number
    step: number
    steps: number
    loss: number
    accuracy: number
  }): void
}

export interface EpochRecord {
  readonly epoch: number
  /** Mean training loss and accuracy, on what was trained on (adversarial examples, if so). */
  readonly loss: number
  readonly accuracy: number
  /** On the held-out examples, with the averaged weights. */
  readonly validationAccuracy: number
  /** The same under the adversary with 10 steps. */
  readonly validationRobustAccuracy?: number
  readonly elapsedMs: number
}

export interface TrainingOutcome {
  /** An ONNX file: `inputs` `[n, c, h, w]` in [0, 1] to `logits`. */
  readonly model: Uint8Array
  readonly epochs: readonly EpochRecord[]
  readonly parameters: number
}

/** Trains; takes up a checkpoint of the same training. @throws RunError ROBENCH_ABORTED when the signal is. */
export async function train(options: TrainingOptions): Promise<TrainingOutcome> {
  const { data, seed } = options
  if (options.validation >= data.count) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `validation: ${options.validation} held-out examples must leave some of the ${data.count} for training`,
    )
  }
  const order = randomStream(seed, 'validation').permutation(data.count)
  const held = order.subarray(0, options.validation)
  const examples = order.subarray(options.validation)
  const { mean, std } = channelStatistics(data, examples)
  const trained: TrainedNetwork = {
    network: options.network,
    inputShape: data.shape,
    mean,
    std,
    seed,
  }
  const state = new TrainingState(trained)
  const checkpoint = join(options.checkpointFolder, 'checkpoint.bin')
  const training = hashJson({ identity: options.identity, data: data.hash, seed })
  const records = state.restore(readCheckpoint(checkpoint, training))
  const batch = Math.min(options.batchSize, examples.length)
  const step = await Session.load(
    stepGraph(trained, batch, options),
    { threads: options.threads },
    'training step',
  )
  const attack = new InnerAttack(trained, options)
  const steps = Math.floor(examples.length / batch)
  const loop: TrainingLoop = { options, examples, batch, steps, state, step, attack }
  try {
    for (let epoch = records.length; epoch < options.epochs; epoch++) {
      const started = performance.now()
      const trainedOn = await trainEpoch(loop, epoch)
      const validation = await attack.evaluate(data, held, state.averaged, options.adversary)
      const elapsedMs = Math.round(performance.now() - started)
      records.push({ epoch: epoch + 1, ...trainedOn, ...validation, elapsedMs })
      const facts = { records }
      writeCheckpoint(checkpoint, { training, epoch: epoch + 1, facts, tensors: state.tensors() })
    }
  } finally {
    await step.release()
  }
  return {
    model: exportModel(trained, state.averaged),
    epochs: records,
    parameters: state.parameterCount,
  }
}

/** What every step of training works with. */
interface TrainingLoop {
  readonly options: TrainingOptions
  /** Rows of the data that are trained on. */
  readonly examples: Uint32Array
  readonly batch: number
  /** Per epoch; what does not fill a last batch is left for another epoch's order. */
  readonly steps: number
  readonly state: TrainingState
  readonly step: Session
  readonly attack: InnerAttack
}

async function trainEpoch(
  loop: TrainingLoop,
  epoch: number,
): Promise<{ loss: number; accuracy: number }> {
  const { options, examples, batch, steps } = loop
  const shuffled = randomStream(options.seed, 'order', epoch).permutation(examples.length)
  let loss = 0
  let correct = 0
  for (let k = 0; k < steps; k++) {
    if (options.signal.aborted) {
      throw new RunError(
        'ROBENCH_ABORTED',
        `training stopped in epoch ${epoch + 1}; start it again and it goes on from the last full epoch`,
      )
    }
    const rows = Array.from({ length: batch }, (_, i) => examples[shuffled[k * batch + i]!]!)
    const answer = await trainBatch(loop, epoch, k, rows)
    loss += answer.loss
    correct += answer.correct
    const done = k + 1
    if (!Number.isFinite(loss)) {
      throw new RunError(
        'ROBENCH_INTERNAL',
        `training diverged in epoch ${epoch + 1}, step ${done}: the loss is ${loss}; lower learningRate`,
      )
    }
    const accuracy = correct / (done * batch)
    options.progress({
      epoch,
      epochs: options.epochs,
      step: done,
      steps,
      loss: loss / done,
      accuracy,
    })
  }
  return { loss: loss / steps, accuracy: correct / (steps * batch) }
}

/** One step of the optimizer on those rows, augmented, and attacked if there is an adversary. */
async function trainBatch(
  { options, steps, state, step, attack }: TrainingLoop,
  epoch: number,
  k: number,
  rows: readonly number[],
): Promise<{ loss: number; correct: number }> {
  const { data, seed, adversary } = options
  const progress = (epoch * steps + k) / (options.epochs * steps)
  const clean = data.rows(rows)
  augment(clean, options.augmentation, (row) => randomStream(seed, 'augment', epoch, rows[row]!))
  const labels = Int32Array.from(rows, (row) => data.labels[row]!)
  const random = randomStream(seed, 'start', epoch, k)
  const inputs = adversary
    ? await attack.run(clean, labels, state.weights, rampedAdversary(adversary, progress), random)
    : clean
  const factor = scheduleFactor(options.schedule, progress, options.warmup)
  const feeds = {
    inputs,
    labels: int64([labels.length], labels),
    rate: float32([], [options.learningRate * factor]),
    ...state.feeds(),
  }
  const answers = await step.run(feeds, 'training step')
  state.take(answers, options.averaging)
  return { loss: Number(answers['loss']!.data[0]), correct: Number(answers['correct']!.data[0]) }
}

/** The weights as they change, their momentum, and their running average. */
class TrainingState {
  weights: Map<string, FloatTensor>
  averaged: Map<string, FloatTensor>
  readonly #momentum: Map<string, FloatTensor>
  readonly #running: ReadonlySet<string>
  #steps = 0

  constructor(trained: TrainedNetwork) {
    const parameters = initialParameters(trained)
    this.weights = new Map(parameters.map(({ name, initial }) => [name, initial]))
    this.averaged = new Map(this.weights)
    const trainable = parameters.filter((parameter) => parameter.trainable)
    this.#momentum = new Map(
      trainable.map(({ name, initial }) => [
        name,
        float32(initial.shape, new Float32Array(initial.data.length)),
      ]),
    )
    this.#running = new Set(
      parameters.filter((parameter) => !parameter.trainable).map(({ name }) => name),
    )
  }

  get parameterCount(): number {
    return [...this.weights].reduce(
      (sum, [name, { data }]) => sum + (this.#running.has(name) ? 0 : data.length),
      0,
    )
  }

  feeds(): Record<string, Tensor> {
    const feeds: Record<string, Tensor> = {}
    for (const [name, value] of this.weights) feeds[`parameter/${name}`] = value
    for (const [name, value] of this.#momentum) feeds[`momentum/${name}`] = value
    return feeds
  }

  /** Takes the step's answers as the new weights, and averages them with decay min(averaging, (1 + t)/(10 + t)). */
  take(answers: Readonly<Record<string, Tensor>>, averaging: number): void {
    for (const name of this.weights.keys()) {
      const next = answers[`new/parameter/${name}`]
      if (next) this.weights.set(name, next as FloatTensor)
    }
    for (const name of this.#momentum.keys())
      this.#momentum.set(name, answers[`new/momentum/${name}`] as FloatTensor)
    this.#steps += 1
    if (averaging === 0) {
      this.averaged = this.weights
      return
    }
    const decay = Math.min(averaging, (1 + this.#steps) / (10 + this.#steps))
    for (const [name, { shape, data }] of this.weights) {
      const old = this.averaged.get(name)!.data
      const mixed = new Float32Array(data.length)
      for (let i = 0; i < data.length; i++) mixed[i] = decay * old[i]! + (1 - decay) * data[i]!
      this.averaged.set(name, float32(shape, mixed))
    }
  }

  tensors(): Map<string, FloatTensor> {
    const tensors = new Map<string, FloatTensor>([['steps', float32([1], [this.#steps])]])
    for (const [kind, values] of [
      ['weight', this.weights],
      ['momentum', this.#momentum],
      ['average', this.averaged],
    ] as const) {
      for (const [name, value] of values) tensors.set(`${kind}/${name}`, value)
    }
    return tensors
  }

  /** Goes on from a checkpoint; gives the epochs it records. */
  restore(checkpoint: ReturnType<typeof readCheckpoint>): EpochRecord[] {
    if (!checkpoint) return []
    const take = (kind: string, into: Map<string, FloatTensor>): void => {
      for (const name of into.keys())
        into.set(name, checkpoint.tensors.get(`${kind}/${name}`) ?? into.get(name)!)
    }
    take('weight', this.weights)
    take('momentum', this.#momentum)
    take('average', this.averaged)
    this.#steps = checkpoint.tensors.get('steps')?.data[0] ?? 0
    return [...(checkpoint.facts['records'] as EpochRecord[])]
  }
}

/** Mean and standard deviation per channel over (at most 10,000 of) the examples. */
function channelStatistics(
  data: Dataset,
  examples: Uint32Array,
): { mean: number[]; std: number[] } {
  const sample = data.rows(examples.subarray(0, 10_000))
  const [count, channels, height, width] = sample.shape as [number, number, number, number]
  const area = height * width
  const mean: number[] = []
  const std: number[] = []
  for (let c = 0; c < channels; c++) {
    let sum = 0
    let squares = 0
    for (let row = 0; row < count; row++) {
      const start = (row * channels + c) * area
      for (let i = start; i < start + area; i++) {
        const value = sample.data[i]!
        sum += value
        squares += value * value
      }
    }
    const average = sum / (count * area)
    mean.push(Math.fround(average))
    std.push(Math.fround(Math.sqrt(Math.max(squares / (count * area) - average * average, 1e-6))))
  }
  return { mean, std }
}
