/** The state of training between steps: weights, momentum, averaged weights. */
import { float32, type FloatTensor, type Tensor } from '../engine/tensor/tensor.ts'
import type { Checkpoint } from './checkpoint.ts'
import { initialParameters, type TrainedNetwork } from './training-graph.ts'

/** Measurements of one epoch. */
export interface EpochRecord {
  /** From 1. */
  readonly epoch: number
  /** Mean loss and accuracy on the training inputs (adversarial ones in adversarial training). */
  readonly loss: number
  readonly accuracy: number
  /** On the held-out examples, with the averaged weights. */
  readonly validationAccuracy: number
  /** The same under the adversary with 10 steps; absent without an adversary. */
  readonly validationRobustAccuracy?: number
  readonly elapsedMs: number
}

/** The weights during training, their momentum, and their running average. */
export class TrainingState {
  weights: Map<string, FloatTensor>
  averaged: Map<string, FloatTensor>
  readonly #momentum: Map<string, FloatTensor>
  /** Names of running statistics, which are not trained. */
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

  /** Number of trained values, without running statistics. */
  get parameterCount(): number {
    return [...this.weights].reduce(
      (sum, [name, { data }]) => sum + (this.#running.has(name) ? 0 : data.length),
      0,
    )
  }

  /** The inputs of the step graph that hold weights and momentum. */
  feeds(): Record<string, Tensor> {
    const feeds: Record<string, Tensor> = {}
    for (const [name, value] of this.weights) feeds[`parameter/${name}`] = value
    for (const [name, value] of this.#momentum) feeds[`momentum/${name}`] = value
    return feeds
  }

  /**
   * Stores the outputs of a step as the new weights, and updates the running average with decay
   * min(averaging, (1 + t)/(10 + t)).
   */
  update(outputs: Readonly<Record<string, Tensor>>, averaging: number): void {
    for (const name of this.weights.keys()) {
      const next = outputs[`new/parameter/${name}`]
      if (next) this.weights.set(name, next as FloatTensor)
    }
    for (const name of this.#momentum.keys())
      this.#momentum.set(name, outputs[`new/momentum/${name}`] as FloatTensor)
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

  /** All tensors of a checkpoint, by name. */
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

  /** Restores a checkpoint, if there is one, and returns the records of its finished epochs. */
  restore(checkpoint: Checkpoint | undefined): EpochRecord[] {
    if (!checkpoint) return []
    const load = (kind: string, into: Map<string, FloatTensor>): void => {
      for (const name of into.keys())
        into.set(name, checkpoint.tensors.get(`${kind}/${name}`) ?? into.get(name)!)
    }
    load('weight', this.weights)
    load('momentum', this.#momentum)
    load('average', this.averaged)
    this.#steps = checkpoint.tensors.get('steps')?.data[0] ?? 0
    return [...(checkpoint.facts['records'] as EpochRecord[])]
  }
}
