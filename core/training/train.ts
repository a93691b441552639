/** Trains a classifier, on clean or adversarial inputs, as graphs on onnxruntime. */
import { join } from 'node:path'
import { RunError } from '../base/errors.ts'
import { Session } from '../engine/graph/session.ts'
import { hashJson } from '../base/hash.ts'
import { randomStream } from '../base/random.ts'
import { float32, int64 } from '../engine/tensor/tensor.ts'
import { augment } from './augment.ts'
import { channelStatistics } from './channel-statistics.ts'
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { InnerAttack, rampedAdversary } from './inner-attack.ts'
import { scheduleFactor } from './schedule.ts'
import { exportModel, stepGraph, type TrainedNetwork } from './training-graph.ts'
import { resolveTraining, type ResolvedTraining, type TrainingOptions } from './training-options.ts'
import { TrainingState, type EpochRecord } from './training-state.ts'

/** A trained classifier, and how training went. */
export interface TrainingOutcome {
  /** An ONNX file: `inputs` `[n, c, h, w]` in [0, 1] to `logits` `[n, k]`. */
  readonly model: Uint8Array
  readonly epochs: readonly EpochRecord[]
  /** Number of trained values. */
  readonly parameters: number
}

/**
 * Trains a network with SGD on cross-entropy. The seed determines every weight. With
 * `checkpointFolder`, training resumes from the last full epoch of an earlier call with the same
 * identity, data and seed, and returns the same model as without the interruption.
 * @throws RunError ROBENCH_ABORTED once the signal is aborted; ROBENCH_INTERNAL if the loss is not
 * finite; ROBENCH_STORE if a checkpoint cannot be written
 * @throws ConfigError ROBENCH_CONFIG if the options leave no examples to train on, or the
 * adversary is in another norm than Linf and L2
 */
export async function train(options: TrainingOptions): Promise<TrainingOutcome> {
  const resolved = resolveTraining(options)
  const { network, data, seed, threads, adversary, checkpointFolder } = resolved
  const order = randomStream(seed, 'validation').permutation(data.count)
  const held = order.subarray(0, resolved.validation)
  const examples = order.subarray(resolved.validation)
  const { mean, std } = channelStatistics(data, examples)
  const trained: TrainedNetwork = { network, inputShape: data.shape, mean, std, seed }
  const state = new TrainingState(trained)
  const checkpoint = checkpointFolder && join(checkpointFolder, 'checkpoint.bin')
  const training = hashJson({ identity: resolved.identity, data: data.hash, seed })
  const records = state.restore(checkpoint ? readCheckpoint(checkpoint, training) : undefined)
  const batch = Math.min(resolved.batchSize, examples.length)
  const { outputs, inputs } = stepGraph(trained, batch, resolved)
  const step = await Session.compile(outputs, inputs, { threads }, 'training step')
  const attack = await InnerAttack.load(trained, { threads })
  const steps = Math.floor(examples.length / batch)
  const loop: TrainingLoop = { options: resolved, examples, batch, steps, state, step, attack }
  try {
    for (let epoch = records.length; epoch < resolved.epochs; epoch++) {
      const started = performance.now()
      const trainedOn = await trainEpoch(loop, epoch)
      const validation = await attack.evaluate(data, held, state.averaged, adversary)
      const elapsedMs = Math.round(performance.now() - started)
      records.push({ epoch: epoch + 1, ...trainedOn, ...validation, elapsedMs })
      if (!checkpoint) continue
      await writeCheckpoint(checkpoint, {
        training,
        epoch: epoch + 1,
        facts: { records },
        tensors: state.tensors(),
      })
    }
  } finally {
    await Promise.all([step.release(), attack.release()])
  }
  return {
    model: exportModel(trained, state.averaged),
    epochs: records,
    parameters: state.parameterCount,
  }
}

/** The state that the steps of training share. */
interface TrainingLoop {
  readonly options: ResolvedTraining
  /** Rows of the data that are trained on. */
  readonly examples: Uint32Array
  readonly batch: number
  /** Full batches per epoch; each epoch drops the remainder of its own order. */
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
  const { epochs, seed, signal } = options
  const shuffled = randomStream(seed, 'order', epoch).permutation(examples.length)
  let loss = 0
  let correct = 0
  for (let k = 0; k < steps; k++) {
    if (signal?.aborted) {
      throw new RunError(
        'ROBENCH_ABORTED',
        `training was interrupted in epoch ${epoch + 1}; run it again to resume from the last ` +
          'full epoch',
      )
    }
    const rows = Array.from({ length: batch }, (_, i) => examples[shuffled[k * batch + i]!]!)
    const trained = await trainBatch(loop, epoch, k, rows)
    loss += trained.loss
    correct += trained.correct
    const done = k + 1
    if (!Number.isFinite(loss)) {
      throw new RunError(
        'ROBENCH_INTERNAL',
        `training diverged in epoch ${epoch + 1}, step ${done}: the loss is ${loss}; ` +
          'lower learningRate',
      )
    }
    const accuracy = correct / (done * batch)
    options.progress({ epoch, epochs, step: done, steps, loss: loss / done, accuracy })
  }
  return { loss: loss / steps, accuracy: correct / (steps * batch) }
}

/** One optimizer step on those rows: augmented, then attacked if there is an adversary. */
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
  const outputs = await step.run(feeds, 'training step')
  state.update(outputs, options.averaging)
  return { loss: Number(outputs['loss']!.data[0]), correct: Number(outputs['correct']!.data[0]) }
}
