/** The loop over epochs and batches: validation, checkpoints, the best model. */
import { join } from 'node:path'
import { ConfigError, RunError } from '../base/errors.ts'
import { hashJson } from '../base/hash.ts'
import { randomStream } from '../base/random.ts'
import { sum } from '../base/sum.ts'
import type { Dataset } from '../data/dataset.ts'
import { g } from '../engine/graph/graph.ts'
import { deviceKind } from '../engine/graph/session-device.ts'
import { int64, type FloatTensor } from '../engine/tensor/tensor.ts'
import { crossEntropy } from '../model/losses.ts'
import type { Stepping } from '../model/step-programs.ts'
import type { ThreatModel } from '../threat/threat-model.ts'
import { imageVariable } from './attack-variable.ts'
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import type { InnerAttack } from './inner-attack.ts'
import type { ModelFunction } from './model-function.ts'
import type { TrainingRecipe } from './recipe.ts'
import { Trainer } from './trainer.ts'
import type { TrainingProgress } from './training-options.ts'

/** Measurements of one epoch. */
export interface EpochRecord {
  /** From 1. */
  readonly epoch: number
  /** Mean loss and accuracy on the training inputs (adversarial ones in adversarial training). */
  readonly loss: number
  readonly accuracy: number
  /** On the held-out examples, with the averaged weights. */
  readonly validationAccuracy: number
  /** The same under the adversary with 10 steps or the recipe's attack; absent without either. */
  readonly validationRobustAccuracy?: number
  /** Means of the phases' further metrics. */
  readonly metrics?: Readonly<Record<string, number>>
  readonly elapsedMs: number
}

/** A trained classifier, and how training went. */
export interface TrainingOutcome {
  /** An ONNX file: `inputs` `[n, c, h, w]` to `logits` `[n, k]`. */
  readonly model: Uint8Array
  readonly epochs: readonly EpochRecord[]
  /** The epoch whose weights became the model, from 1. */
  readonly modelEpoch: number
  /** Number of trained values. */
  readonly parameters: number
}

/** What `runTraining` needs beside the recipe. */
export interface TrainingRun {
  readonly data: Dataset
  readonly epochs: number
  readonly batchSize: number
  /** Number of examples held out. */
  readonly validation: number
  /**
   * Measures robust accuracy on the held-out examples: PGD with 10 steps of ε/4, unless the recipe
   * has its own attack.
   */
  readonly threatModel?: ThreatModel | undefined
  /**
   * The model that is kept: of the last epoch, or of the epoch with the best robust (without a
   * threat model: clean) accuracy on the held-out examples. Default `last`.
   */
  readonly keep?: 'last' | 'best'
  readonly seed: number
  readonly threads: number
  /** The device of all graphs; default `cpu`. The exported model does not depend on it. */
  readonly device?: string | undefined
  /** Where inner attacks step; default: see `TrainerOptions.stepping`. */
  readonly stepping?: Stepping | undefined
  readonly signal?: AbortSignal | undefined
  readonly checkpointFolder?: string | undefined
  /** Identifies the training; a checkpoint of another identity, data or seed is ignored. */
  readonly identity: string
  progress(state: TrainingProgress): void
}

/**
 * The held-out and the training rows of a data set.
 * @throws ConfigError ROBENCH_CONFIG if no rows are left to train on
 */
export function splitRows(
  data: Dataset,
  seed: number,
  validation: number,
): { readonly held: Uint32Array; readonly examples: Uint32Array } {
  if (validation >= data.count) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `validation: expected fewer held-out examples than the ${data.count} of the data set, ` +
        `got ${validation}`,
    )
  }
  const order = randomStream(seed, 'validation').permutation(data.count)
  return { held: order.subarray(0, validation), examples: order.subarray(validation) }
}

/**
 * Trains a recipe. The seed determines every weight. With `checkpointFolder`, training resumes
 * where an earlier call with the same identity, data and seed stopped, and returns the same model
 * as without the interruption.
 * @throws RunError ROBENCH_ABORTED once the signal is aborted; ROBENCH_INTERNAL if the loss is not
 *   finite; ROBENCH_STORE if a checkpoint cannot be written
 */
export async function runTraining(
  recipe: TrainingRecipe,
  run: TrainingRun,
): Promise<TrainingOutcome> {
  const { data, seed, threads, validation, device, stepping } = run
  const { held, examples } = splitRows(data, seed, validation)
  const batch = Math.min(run.batchSize, examples.length)
  const trainer = await Trainer.create({ recipe, data, batch, seed, threads, device, stepping })
  try {
    const loop = new TrainingLoop(trainer, run, { held, examples, batch })
    return await loop.run()
  } finally {
    await trainer.release()
  }
}

/** Milliseconds between checkpoints within an epoch. */
const checkpointInterval = 60_000
const evaluationBatch = 100
/** Steps of the attack that measures validation accuracy. */
const evaluationSteps = 10

/** Progress within training, as saved in checkpoints. */
interface LoopFacts {
  readonly records: EpochRecord[]
  /** Finished steps of the current epoch. */
  readonly step: number
  /** Sums of the reports of these steps. */
  readonly sums: Readonly<Record<string, number>>
  readonly elapsedMs: number
  /** The epoch of the best weights, from 1; 0 for none yet. */
  readonly bestEpoch: number
}

class TrainingLoop {
  readonly #trainer: Trainer
  readonly #run: TrainingRun
  readonly #rows: {
    readonly held: Uint32Array
    readonly examples: Uint32Array
    readonly batch: number
  }
  readonly #steps: number
  readonly #path: string | undefined
  readonly #identity: string
  #facts: LoopFacts = { records: [], step: 0, sums: {}, elapsedMs: 0, bestEpoch: 0 }
  #best: ReadonlyMap<string, FloatTensor> | undefined
  #saved = performance.now()
  readonly #count: ModelFunction<'inputs' | 'labels', 'correct'>
  readonly #attack: InnerAttack | undefined

  constructor(
    trainer: Trainer,
    run: TrainingRun,
    rows: { held: Uint32Array; examples: Uint32Array; batch: number },
  ) {
    this.#trainer = trainer
    this.#run = run
    this.#rows = rows
    this.#steps = Math.floor(rows.examples.length / rows.batch)
    this.#path = run.checkpointFolder && join(run.checkpointFolder, 'checkpoint.bin')
    this.#count = this.#countCorrect()
    this.#attack =
      trainer.validationAttack ?? (run.threatModel && this.#pgdOnModel(run.threatModel))
    const { identity, data, seed, device = 'cpu' } = run
    const place = device === 'cpu' ? {} : { device: deviceKind(device) }
    this.#identity = hashJson({ identity, data: data.hash, seed, ...place })
  }

  async run(): Promise<TrainingOutcome> {
    this.#restore()
    const { epochs } = this.#run
    while (this.#facts.records.length < epochs) await this.#epoch(this.#facts.records.length)
    const { records, bestEpoch } = this.#facts
    return {
      model: this.#trainer.exportModel(this.#best ?? this.#trainer.state.averaged),
      epochs: records,
      modelEpoch: this.#best ? bestEpoch : records.length,
      parameters: this.#trainer.state.parameterCount,
    }
  }

  async #epoch(epoch: number): Promise<void> {
    const { epochs, seed, signal } = this.#run
    const { examples, batch } = this.#rows
    const shuffled = randomStream(seed, 'order', epoch).permutation(examples.length)
    let started = performance.now()
    const elapsed = (): number => {
      const now = performance.now()
      const total = this.#facts.elapsedMs + now - started
      started = now
      return total
    }
    let step = this.#facts.step
    while (step < this.#steps) {
      if (signal?.aborted) {
        await this.#save()
        throw new RunError(
          'ROBENCH_ABORTED',
          `training was interrupted in epoch ${epoch + 1}; run it again to resume` +
            (this.#path === undefined ? ' from the start' : ''),
        )
      }
      const first = step
      const count = Math.min(this.#trainer.batchesPerRun, this.#steps - first)
      const batches = Array.from({ length: count }, (_, k) => {
        const start = (first + k) * batch
        return {
          position: {
            epoch,
            step: first + k,
            progress: (epoch * this.#steps + first + k) / (epochs * this.#steps),
          },
          rows: Array.from({ length: batch }, (_row, i) => examples[shuffled[start + i]!]!),
        }
      })
      const sums = { ...this.#facts.sums }
      for (const report of await this.#trainer.runBatches(batches)) {
        for (const [name, value] of Object.entries(report)) sums[name] = (sums[name] ?? 0) + value
      }
      step += count
      this.#facts = { ...this.#facts, step, sums, elapsedMs: elapsed() }
      this.#report(epoch)
      if (performance.now() - this.#saved > checkpointInterval) await this.#save()
    }
    this.#trainer.state.endEpoch((epoch + 1) / epochs)
    const validation = await this.#validate()
    this.#finishEpoch(epoch, validation, elapsed())
    await this.#save()
  }

  #report(epoch: number): void {
    const { epochs } = this.#run
    const { step, sums } = this.#facts
    const loss = sums['loss'] ?? 0
    if (!Number.isFinite(loss)) {
      throw new RunError(
        'ROBENCH_INTERNAL',
        `training diverged in epoch ${epoch + 1}, step ${step}: the loss is ${loss}; ` +
          'lower learningRate',
      )
    }
    const accuracy = (sums['correct'] ?? 0) / (step * this.#rows.batch)
    this.#run.progress({
      epoch,
      epochs,
      step,
      steps: this.#steps,
      loss: loss / step,
      accuracy,
    })
  }

  #finishEpoch(epoch: number, validation: Validation, elapsedMs: number): void {
    const { sums, records, bestEpoch } = this.#facts
    const metrics = Object.fromEntries(
      Object.entries(sums).flatMap(([name, value]) =>
        name.startsWith('metric/') ? [[name.slice('metric/'.length), value / this.#steps]] : [],
      ),
    )
    const record: EpochRecord = {
      epoch: epoch + 1,
      loss: (sums['loss'] ?? 0) / this.#steps,
      accuracy: (sums['correct'] ?? 0) / (this.#steps * this.#rows.batch),
      ...validation,
      ...(Object.keys(metrics).length > 0 && { metrics }),
      elapsedMs: Math.round(elapsedMs),
    }
    const best = records[bestEpoch - 1]
    const improves = !best || scoreOf(record) > scoreOf(best)
    if (this.#run.keep === 'best' && improves) this.#best = this.#trainer.state.averaged
    this.#facts = {
      records: [...records, record],
      step: 0,
      sums: {},
      elapsedMs: 0,
      bestEpoch: improves ? epoch + 1 : bestEpoch,
    }
  }

  /** Accuracy on held-out examples with the weights of the model; 0 without examples. */
  async #validate(): Promise<Validation> {
    const { held } = this.#rows
    const { data } = this.#run
    if (held.length === 0) return { validationAccuracy: 0 }
    const weights = this.#trainer.state.averaged
    const parts = Array.from({ length: Math.ceil(held.length / evaluationBatch) }, (_, k) =>
      held.subarray(k * evaluationBatch, (k + 1) * evaluationBatch),
    )
    const runs = parts.map((part, k) => ({
      images: data.rows(part),
      labels: Int32Array.from(part, (row) => data.labels[row]!),
      random: randomStream('evaluation', k * evaluationBatch),
    }))
    const accuracyOn = async (images: readonly FloatTensor[]): Promise<number> => {
      let found = 0
      for (const [k, { labels }] of runs.entries()) {
        const feeds = { inputs: images[k]!, labels: int64([labels.length], labels) }
        const { correct } = await this.#trainer.call(this.#count, feeds, weights)
        found += sum(correct.data as Float32Array)
      }
      return found / held.length
    }
    const validationAccuracy = await accuracyOn(runs.map(({ images }) => images))
    if (!this.#attack) return { validationAccuracy }
    const attacked: FloatTensor[] = []
    for (const run of runs) {
      attacked.push((await this.#trainer.attack(this.#attack, run, weights)).images)
    }
    return { validationAccuracy, validationRobustAccuracy: await accuracyOn(attacked) }
  }

  #countCorrect(): ModelFunction<'inputs' | 'labels', 'correct'> {
    return {
      name: 'validation',
      inputs: { inputs: { shape: this.#run.data.shape }, labels: { shape: [], dtype: 'int64' } },
      build: (m, { inputs, labels }) => {
        const logits = this.#trainer.modelLogits(m, inputs, labels)
        const predicted = g.op('ArgMax', [logits], { axis: 1, keepdims: 0 })[0]!
        return { correct: g.cast(g.equal(predicted, labels), 'float32') }
      },
    }
  }

  #pgdOnModel(threatModel: ThreatModel): InnerAttack {
    const stepSize = threatModel.epsilon / 4
    return {
      name: 'validation attack',
      steps: evaluationSteps,
      variables: { images: imageVariable({ threatModel, stepSize }) },
      loss: (m, { images, labels }) =>
        crossEntropy(this.#trainer.modelLogits(m, images, labels), labels),
    }
  }

  #restore(): void {
    const checkpoint = this.#path && readCheckpoint(this.#path, this.#identity)
    if (!checkpoint) return
    // The identity says that this training wrote it.
    this.#facts = checkpoint.facts as unknown as LoopFacts
    const state = new Map<string, FloatTensor>()
    const best = new Map<string, FloatTensor>()
    for (const [name, value] of checkpoint.tensors) {
      if (name.startsWith(bestPrefix)) best.set(name.slice(bestPrefix.length), value)
      else state.set(name, value)
    }
    this.#trainer.state.restore(state)
    if (best.size > 0) this.#best = best
  }

  async #save(): Promise<void> {
    this.#saved = performance.now()
    if (this.#path === undefined) return
    const tensors = new Map(this.#trainer.state.tensors)
    for (const [name, value] of this.#best ?? []) tensors.set(`${bestPrefix}${name}`, value)
    await writeCheckpoint(this.#path, {
      training: this.#identity,
      epoch: this.#facts.records.length,
      facts: { ...this.#facts },
      tensors,
    })
  }
}

const bestPrefix = 'best/'

interface Validation {
  readonly validationAccuracy: number
  readonly validationRobustAccuracy?: number
}

function scoreOf(record: EpochRecord): number {
  return record.validationRobustAccuracy ?? record.validationAccuracy
}
