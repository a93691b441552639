/** Clean predictions and attacks in this process, with the seeds and streams of a suite. */
import { RunError } from '../../base/errors.ts'
import { countOutcomes, attackSuccessRate } from '../../bench/metrics/accuracy.ts'
import type { Outcomes } from '../../bench/metrics/accuracy.ts'
import { wilsonInterval } from '../../bench/metrics/interval.ts'
import type { Interval } from '../../bench/metrics/interval.ts'
import { shardSize } from '../../bench/plan/cell.ts'
import type { Shard } from '../../bench/plan/cell.ts'
import { float32, sizeOf } from '../../engine/tensor/tensor.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import type { Model } from '../../model/model.ts'
import { withDraws } from '../../model/noise.ts'
import { predictions } from '../../model/predictions.ts'
import type { PluginOptions } from '../../plugin/contract.ts'
import { runAttack } from '../../plugin/host.ts'
import type { HostedResult } from '../../plugin/host.ts'
import { SetupCache } from '../../plugin/setup-cache.ts'
import type { ChosenAttack } from '../../plugin/wrapped-attack.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import type { Examples } from './examples.ts'

/** A proportion of the examples. */
export interface Accuracy {
  /** In [0, 1], over all examples. */
  readonly accuracy: number
  /** 95 % Wilson score interval. */
  readonly interval: Interval
}

/**
 * One attack on all examples, checked by the host: each adversarial keeps to the threat model and
 * is predicted again.
 */
export interface AttackEvaluation {
  /** The id, or the name given to the attack. */
  readonly name: string
  readonly plugin: string
  readonly version: number
  /** With defaults filled in. */
  readonly options: PluginOptions
  readonly seed: number
  /** One character per example: `w` misclassified without an attack, `r` robust, `b` broken. */
  readonly outcomes: Outcomes
  /** Robust examples over all examples. */
  readonly robust: Accuracy
  /** Broken examples over those that were correct; undefined if none was. */
  readonly successRate: number | undefined
  /** `[n, c, h, w]`; an example that was not attacked is unchanged. */
  readonly adversarial: FloatTensor
  /** Passes of the attack, without those of the host's check. */
  readonly forwardPasses: number
  readonly backwardPasses: number
  /** Outcomes after each stage, of an attack that has stages. */
  readonly stages?: readonly { readonly name: string; readonly outcomes: Outcomes }[]
  /**
   * `[n]`, with a curve or a minimum-norm attack: the smallest radius that breaks the example; 0 if
   * wrong, Infinity if none.
   */
  readonly breakingEpsilons?: Float64Array
  /** Of a corruption: `1` for each corrupted example that is classified correctly, else `0`. */
  readonly corrupted?: string
  /** Robust examples with a misclassified point in their ball that the attack evaluated. */
  readonly silentSuccesses?: number
}

/** What an attack runs on. */
export interface AttackWork {
  readonly model: Model
  readonly surrogates: readonly Model[]
  readonly examples: Examples
  /** The first `count` examples are attacked; all of them serve as reference. */
  readonly count: number
  readonly threatModel: ThreatModel
  readonly curve?: readonly number[]
  readonly seed: number
  readonly batchSize: number
  readonly signal: AbortSignal
}

/** An accuracy with its interval. */
export function accuracyOf(correct: number, total: number): Accuracy {
  return { accuracy: correct / total, interval: wilsonInterval(correct, total) }
}

/** Correct without an attack: one `1` or `0` per example. One forward pass per example. */
export async function predictClean(work: AttackWork): Promise<string> {
  const { examples, count, batchSize, signal } = work
  let outcomes = ''
  for (const shard of shardsOf(count)) {
    // A suite predicts each shard with random numbers of its own.
    const model = withDraws(work.model, 'clean')
    for (let start = shard.start; start < shard.end; start += batchSize) {
      if (signal.aborted) throw new RunError('ROBENCH_ABORTED', 'the evaluation was interrupted')
      const rows = range(start, Math.min(start + batchSize, shard.end))
      const predicted = predictions(await model.logits(examples.rows(rows)))
      predicted.forEach((label, place) => {
        outcomes += label === examples.labels[rows[place]!] ? '1' : '0'
      })
    }
  }
  return outcomes
}

/**
 * Runs one attack in the shards in which a suite would.
 * @param clean from `predictClean`
 * @throws as `runAttack`
 */
export async function attackExamples(
  name: string,
  chosen: ChosenAttack,
  work: AttackWork,
  clean: string,
  progress?: (done: number, total: number) => void,
): Promise<AttackEvaluation> {
  const { examples, count, model, surrogates, seed, batchSize, signal } = work
  const { meta } = chosen.plugin
  const setupCache = new SetupCache()
  const parts: HostedResult[] = []
  for (const { start, end } of shardsOf(count)) {
    const rows = range(start, end)
    const labels = examples.labels.slice(start, end)
    const correct = Array.from(rows, (row) => clean[row] === '1')
    const wrong = correct.filter((is) => !is).length
    const part = await runAttack({
      ...chosen,
      model,
      surrogates,
      inputs: examples.rows(rows),
      labels,
      // The host only compares predictions with labels.
      cleanPredictions: labels.map((label, place) => (correct[place] ? label : -1)),
      exampleIndices: rows,
      reference: {
        count: examples.count,
        select: (chosenRows) => ({
          inputs: examples.rows(chosenRows),
          labels: Int32Array.from(chosenRows, (row) => examples.labels[row]!),
        }),
      },
      threatModel: work.threatModel,
      ...(work.curve && { curve: work.curve }),
      setupCache,
      seed,
      batchSize,
      signal,
      progress: (done) => progress?.(start + wrong + done, count),
    })
    parts.push(part)
  }
  const identity = { plugin: meta.id, version: meta.version, options: chosen.options, seed }
  return { name, ...identity, ...joinParts(parts) }
}

/** The parts of one attack, in the order of the examples. */
function joinParts(
  parts: readonly HostedResult[],
): Omit<AttackEvaluation, 'name' | 'plugin' | 'version' | 'options' | 'seed'> {
  const outcomes = parts.map((part) => part.outcomes).join('')
  const first = parts[0]!
  const stageNames = parts.find(({ stages }) => stages)?.stages?.map(({ name }) => name)
  return {
    outcomes,
    robust: accuracyOf(countOutcomes(outcomes).robust, outcomes.length),
    successRate: attackSuccessRate(outcomes),
    adversarial: joinTensors(parts.map(({ adversarial }) => adversarial)),
    forwardPasses: parts.reduce((sum, { forwardPasses }) => sum + forwardPasses, 0),
    backwardPasses: parts.reduce((sum, { backwardPasses }) => sum + backwardPasses, 0),
    ...(stageNames && {
      stages: stageNames.map((name, place) => ({
        name,
        // A part without stages had nothing to attack.
        outcomes: parts.map((part) => part.stages?.[place]?.outcomes ?? part.outcomes).join(''),
      })),
    }),
    ...(first.breakingEpsilons && {
      breakingEpsilons: Float64Array.from(
        parts.flatMap((part) => Array.from(part.breakingEpsilons ?? [])),
      ),
    }),
    ...(first.correct !== undefined && {
      corrupted: parts.map(({ correct = '' }) => correct).join(''),
    }),
    ...(parts.every(({ silentSuccesses }) => silentSuccesses !== undefined) && {
      silentSuccesses: parts.reduce((sum, part) => sum + (part.silentSuccesses ?? 0), 0),
    }),
  }
}

function joinTensors(tensors: readonly FloatTensor[]): FloatTensor {
  const [, ...rowShape] = tensors[0]!.shape
  const count = tensors.reduce((sum, { shape }) => sum + shape[0]!, 0)
  const data = new Float32Array(count * sizeOf(rowShape))
  let offset = 0
  for (const tensor of tensors) {
    data.set(tensor.data, offset)
    offset += tensor.data.length
  }
  return float32([count, ...rowShape], data)
}

function shardsOf(count: number): Shard[] {
  return Array.from({ length: Math.ceil(count / shardSize) }, (_, index) => ({
    start: index * shardSize,
    end: Math.min((index + 1) * shardSize, count),
  }))
}

function range(start: number, end: number): Int32Array {
  return Int32Array.from({ length: end - start }, (_, i) => start + i)
}
