/** Clean predictions and attacks in this process, in the shards of a suite. */
import { attackShard, predictShard } from '../../bench/execute/evaluate-shard.ts'
import type { ShardAttack, ShardWork } from '../../bench/execute/evaluate-shard.ts'
import { joinShards } from '../../bench/execute/join-shards.ts'
import { attackSuccessRate, countOutcomes } from '../../bench/metrics/accuracy.ts'
import type { Outcomes } from '../../bench/metrics/accuracy.ts'
import { drawAccuracies } from '../../bench/metrics/draws.ts'
import type { DrawAccuracies } from '../../bench/metrics/draws.ts'
import { wilsonInterval } from '../../bench/metrics/interval.ts'
import type { Interval } from '../../bench/metrics/interval.ts'
import { shardsOf } from '../../bench/plan/cell.ts'
import type { ShardOutcome } from '../../bench/store/unit-outcome.ts'
import { float32, sizeOf } from '../../engine/tensor/tensor.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import type { DrawCounts } from '../../plugin/host.ts'
import type { PluginOptions } from '../../plugin/contract.ts'
import { SetupCache } from '../../plugin/setup-cache.ts'
import type { Examples } from './examples.ts'

/** A proportion of the examples. */
export interface Accuracy {
  /** In [0, 1], over all examples. */
  readonly accuracy: number
  /** 95 % Wilson score interval. */
  readonly interval: Interval
}

/**
 * One attack on all examples. The host checks that each adversarial is within the threat model, and
 * predicts it again.
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
   * it was misclassified without an attack, Infinity if it was never broken.
   */
  readonly breakingEpsilons?: Float64Array
  /**
   * For a corruption, one character per example: `1` if the corrupted example is classified
   * correctly, else `0`.
   */
  readonly corrupted?: string
  /** For a stochastic model: several predictions of each adversarial example. */
  readonly draws?: DrawCounts & DrawAccuracies
  /** Robust examples for which the attack evaluated a misclassified point in their ball. */
  readonly silentSuccesses?: number
}

/** A model, and the first `count` examples. */
export interface ExampleWork extends Pick<ShardWork, 'model' | 'batchSize' | 'signal'> {
  readonly examples: Omit<Examples, 'dataset'>
  readonly count: number
}

/** An attack with its name. `clean` contains the clean outcomes of all examples. */
export interface NamedAttack extends Omit<ShardAttack, 'setupCache' | 'timeLimitMs'> {
  readonly name: string
}

/** @returns the accuracy and its interval */
export function accuracyOf(correct: number, total: number): Accuracy {
  return { accuracy: correct / total, interval: wilsonInterval(correct, total) }
}

/**
 * Predicts the examples without an attack. Cost: one forward pass per example.
 * @returns one character per example: `1` correct, `0` wrong
 */
export async function predictExamples(work: ExampleWork): Promise<string> {
  let outcomes = ''
  for (const shard of shardsOf(work.count)) {
    outcomes += (await predictShard({ ...work, shard })).outcomes
  }
  return outcomes
}

/**
 * Runs one attack.
 * @param progress called with the number of finished examples
 * @param runShard how a shard is run; default: in this process
 * @throws as `runAttack`
 */
export async function attackExamples(
  work: ExampleWork,
  { name, clean, ...attack }: NamedAttack,
  progress: (done: number) => void,
  runShard = attackShard,
): Promise<AttackEvaluation> {
  const { examples, count } = work
  const shape = [count, ...examples.shape]
  const adversarial = float32(shape, new Float32Array(sizeOf(shape)))
  const setupCache = new SetupCache()
  const parts: ShardOutcome[] = []
  for (const shard of shardsOf(count)) {
    const { start, end } = shard
    const part = await runShard(
      { ...work, shard, progress: (done) => progress(start + done) },
      { ...attack, clean: clean.slice(start, end), setupCache },
    )
    parts.push(part.outcome)
    adversarial.data.set(part.adversarial.data, start * sizeOf(examples.shape))
  }
  const { breakingEpsilons, correct, draws, ...joined } = joinShards(parts)
  const { plugin, options } = attack.chosen
  return {
    name,
    plugin: plugin.meta.id,
    version: plugin.meta.version,
    options,
    seed: attack.seed,
    ...joined,
    robust: accuracyOf(countOutcomes(joined.outcomes).robust, count),
    successRate: attackSuccessRate(joined.outcomes),
    adversarial,
    ...(draws && { draws: { ...draws, ...drawAccuracies(joined.outcomes, draws) } }),
    ...(breakingEpsilons && {
      breakingEpsilons: Float64Array.from(breakingEpsilons, (least) => least ?? Infinity),
    }),
    ...(correct !== undefined && { corrupted: correct }),
  }
}
