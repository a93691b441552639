/** Evaluates one shard on loaded models: clean predictions, probes, or an attack. */
import { RunError } from '../../base/errors.ts'
import { randomStream } from '../../base/random.ts'
import type { Dataset, GivenLimits } from '../../data/dataset.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import type { Model } from '../../model/model.ts'
import { drawsOf, isMostlyCorrect, withDraws } from '../../model/noise.ts'
import { predictions } from '../../model/predictions.ts'
import type { AttackRequest } from '../../plugin/attack-request.ts'
import { runWithLimits } from '../../plugin/given-limits.ts'
import type { RequestLimits } from '../../plugin/given-limits.ts'
import type { PluginRegistry } from '../../plugin/registry.ts'
import type { ChosenAttack } from '../../plugin/wrapped-attack.ts'
import type { TransformEvidence } from '../../threat/transforms/table.ts'
import type { ProbeContext } from '../checks/probe-context.ts'
import { runProbes } from '../checks/run-probes.ts'
import { searchAttackOf } from '../checks/search-attack.ts'
import { countCorrect } from '../metrics/accuracy.ts'
import type { Shard } from '../plan/cell.ts'
import type { ShardOutcome } from '../store/unit-outcome.ts'

/** A model, and the examples of a shard. */
export interface ShardWork {
  readonly model: Model
  /** The whole data set. */
  readonly examples: Pick<Dataset, 'count' | 'labels' | 'rows' | 'positions' | 'limits'>
  readonly shard: Shard
  readonly batchSize: number
  /** Predictions per point of a stochastic model, 1 or more; default: 10. */
  readonly draws?: number
  readonly signal: AbortSignal
  /**
   * @param done finished examples of the shard
   * @param stage of an attack that has stages
   */
  progress?(done: number, stage?: string): void
}

/** What probes need besides a model and examples. */
export interface ShardProbes extends Pick<
  ProbeContext,
  'threatModel' | 'classes' | 'graph' | 'manifest'
> {
  /** Contains the Square attack. */
  readonly registry: PluginRegistry
}

/** An attack, and what it needs besides a model and examples. */
export interface ShardAttack extends Pick<
  AttackRequest,
  'surrogates' | 'threatModel' | 'curve' | 'setupCache' | 'seed' | 'timeLimitMs'
> {
  readonly chosen: ChosenAttack
  /** Clean outcomes of the shard, from `predictShard`. */
  readonly clean: string
}

/** The outcome of an attack on a shard, and its adversarial examples. */
export interface AttackedShard {
  readonly outcome: ShardOutcome
  /** `[n, c, h, w]`; an example that was not attacked is unchanged. */
  readonly adversarial: FloatTensor
  /** The parameters of the transforms, if the attack used any: see `HostedResult`. */
  readonly transform?: TransformEvidence
}

/**
 * Predicts each example once; with a stochastic model several times, and counts it as correct if
 * most predictions are. Each shard has random numbers of its own.
 * @throws RunError ROBENCH_ABORTED; errors of the model
 */
export async function predictShard(work: ShardWork): Promise<ShardOutcome> {
  return predictRows(work, rowsOf(work.shard))
}

/**
 * Predicts any examples, as `predictShard` does.
 * @param all positions in the data set
 */
export async function predictRows(
  work: Omit<ShardWork, 'shard'>,
  all: Int32Array,
): Promise<ShardOutcome> {
  const { examples, batchSize, signal, progress } = work
  const model = withDraws(work.model, 'clean')
  const draws = drawsOf(model, work.draws)
  let outcomes = ''
  for (let start = 0; start < all.length; start += batchSize) {
    const rows = all.subarray(start, start + batchSize)
    const inputs = examples.rows(rows)
    const correct = new Int32Array(rows.length)
    for (let draw = 0; draw < draws; draw++) {
      if (signal.aborted) throw interrupted()
      predictions(await model.logits(inputs)).forEach((label, place) => {
        if (label === examples.labels[rows[place]!]) correct[place]! += 1
      })
    }
    for (const count of correct) outcomes += isMostlyCorrect(count, draws) ? '1' : '0'
    progress?.(outcomes.length)
  }
  return { outcomes, forwardPasses: draws * outcomes.length, backwardPasses: 0 }
}

/**
 * Runs the probes. Their random numbers do not depend on the seed.
 * @throws RunError ROBENCH_ABORTED; errors of the model
 */
export async function probeShard(
  { model, examples, shard, batchSize, signal, progress }: ShardWork,
  { registry, ...context }: ShardProbes,
): Promise<Required<Pick<ShardOutcome, 'checks' | 'forwardPasses' | 'backwardPasses'>>> {
  const square = await registry.get('attack', 'square')
  const size = shard.end - shard.start
  const before = { ...model.passes }
  try {
    const checks = await runProbes({
      ...context,
      model: withDraws(model, 'checks'),
      inputs: examples.rows(rowsOf(shard)),
      labels: examples.labels.slice(shard.start, shard.end),
      rng: { stream: (row, restart, name = '') => randomStream('checks', row, restart, name) },
      further: (count) => furtherExamples(examples, shard, count),
      batchSize,
      signal,
      searchAttack: searchAttackOf(square),
      progress: (done, total) => progress?.((size * done) / total),
    })
    return {
      checks,
      forwardPasses: model.passes.forward - before.forward,
      backwardPasses: model.passes.backward - before.backward,
    }
  } catch (cause) {
    // Probes throw the reason of the signal.
    throw signal.aborted ? interrupted(cause) : cause
  }
}

/** Examples outside of a shard, spread evenly over the data. */
function furtherExamples(
  examples: ShardWork['examples'],
  { start, end }: Shard,
  count: number,
): { readonly inputs: FloatTensor; readonly labels: Int32Array } {
  const others = examples.count - (end - start)
  const number = Math.min(count, others)
  const rows = Int32Array.from({ length: number }, (_, i) => {
    const place = Math.floor(((i + 0.5) * others) / number)
    return place < start ? place : place + (end - start)
  })
  return { inputs: examples.rows(rows), labels: rows.map((row) => examples.labels[row]!) }
}

/**
 * Runs one attack. All examples serve as reference.
 * @throws as `runAttack`
 */
export async function attackShard(work: ShardWork, attack: ShardAttack): Promise<AttackedShard> {
  return attackRows(work, rowsOf(work.shard), attack)
}

/**
 * Attacks any examples, with the outcomes that they have in their shards.
 * @param rows positions in the data set
 * @param attack whose clean outcomes are those of `rows`
 * @throws as `runAttack`
 */
export async function attackRows(
  { examples, progress, ...work }: Omit<ShardWork, 'shard'>,
  rows: Int32Array,
  { chosen, clean, ...attack }: ShardAttack,
): Promise<AttackedShard> {
  const labels = Int32Array.from(rows, (row) => examples.labels[row]!)
  const wrong = labels.length - countCorrect(clean)
  const { adversarial, breakingEpsilons, transform, ...outcome } = await runWithLimits(
    {
      ...work,
      ...attack,
      ...chosen,
      inputs: examples.rows(rows),
      labels,
      ...(examples.limits?.targets && {
        givenTargets: Int32Array.from(rows, (row) => examples.limits!.targets![row]!),
      }),
      // The host only compares predictions with labels.
      cleanPredictions: labels.map((label, place) => (clean[place] === '1' ? label : -1)),
      exampleIndices: rows.map((row) => examples.positions?.[row] ?? row),
      reference: {
        count: examples.count,
        select: (selected) => ({
          inputs: examples.rows(selected),
          labels: Int32Array.from(selected, (row) => examples.labels[row]!),
        }),
      },
      progress: (done, _, stage) => progress?.(wrong + done, stage),
    },
    limitsOf(examples.limits, rows, examples.rows([0]).data.length),
  )
  return {
    adversarial,
    ...(transform && { transform }),
    outcome: {
      ...outcome,
      ...(breakingEpsilons && {
        // JSON has no Infinity.
        breakingEpsilons: Array.from(breakingEpsilons, (least) =>
          least === Infinity ? null : least,
        ),
      }),
    },
  }
}

/** The limits of some rows. @param size components of an example */
function limitsOf(limits: GivenLimits | undefined, rows: Int32Array, size: number): RequestLimits {
  const { epsilons, box } = limits ?? {}
  const corner = (values: Float32Array): Float32Array => {
    const chosen = new Float32Array(rows.length * size)
    rows.forEach((row, place) => {
      chosen.set(values.subarray(row * size, (row + 1) * size), place * size)
    })
    return chosen
  }
  return {
    ...(epsilons && { epsilons: Float64Array.from(rows, (row) => epsilons[row]!) }),
    ...(box && { box: { lower: corner(box.lower), upper: corner(box.upper) } }),
  }
}

function rowsOf({ start, end }: Shard): Int32Array {
  return Int32Array.from({ length: end - start }, (_, i) => start + i)
}

function interrupted(cause?: unknown): RunError {
  return new RunError('ROBENCH_ABORTED', 'the evaluation was interrupted', { cause })
}
