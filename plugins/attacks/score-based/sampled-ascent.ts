/** Projected ascent along gradients estimated from logits: the algorithm of `spsa` and `nes`. */
import {
  adamStep,
  attackLosses,
  createBall,
  drawStart,
  queryPoint,
  runQueries,
  startAdam,
  steepestStep,
  trackBestAdversarial,
} from '../../../core/api/attack.ts'
import type {
  AttackFindings,
  AttackLossName,
  AttackTask,
  QuerySearch,
} from '../../../core/api/attack.ts'
import { sizeOf } from '../../../core/api/graph.ts'
import { ConfigError } from '../../../core/api/plugin.ts'
import { estimateGradient } from './sampled-gradient.ts'
import type { SampleDirections } from './sampled-gradient.ts'

/** The options that determine the number of queries. */
export interface SampledBudget {
  /** Most forward passes per example. */
  readonly queries: number
  /** Queries of one gradient estimate: even, 2 or more. */
  readonly samples: number
  /** Start at a uniform draw from the ball instead of at the input; costs one query. */
  readonly randomStart: boolean
}

/** Options of `sampledAscent`. */
export interface SampledAscentOptions extends SampledBudget {
  readonly directions: SampleDirections
  /** See `GradientSamples`. */
  readonly sampleDistance: number
  readonly loss: AttackLossName
  readonly update: SampledUpdate
  /** Length of a step in the norm of the threat model; of Adam about that in each component. */
  readonly stepSize: number
}

/** Adam, or the norm's steepest step with momentum μ (0 disables momentum). */
export type SampledUpdate =
  | { readonly kind: 'adam' }
  | { readonly kind: 'steepest'; readonly momentum: number }

/** The result of `sampledAscent`. */
export interface SampledFindings extends AttackFindings {
  /** `[n]`: queries of each example. */
  readonly queries: Int32Array
}

/**
 * Attacks each example with as many steps as its queries allow. A step takes `samples` queries for
 * the gradient and one for the new iterate. The result is the first misclassified iterate, or else
 * the one with the largest margin. Samples are clipped to the bounds but may be outside the ball.
 *
 * For the cost of an example that is never fooled see `sampledAscentCost`.
 * @throws ConfigError ROBENCH_CONFIG if the queries do not suffice for one step
 */
export async function sampledAscent(
  task: AttackTask,
  options: SampledAscentOptions,
): Promise<SampledFindings> {
  const { inputs, labels, threatModel, rng } = task
  const { norm, bounds } = threatModel
  const { directions, loss, sampleDistance, samples, stepSize, update } = options
  const steps = countSteps(options)
  const size = sizeOf(inputs.shape.slice(1))
  const best = trackBestAdversarial(task)
  const output = new Float64Array(size)

  function* search(row: number): QuerySearch {
    const stream = rng.stream(row, 0)
    const label = labels[row]!
    const ball = createBall(threatModel, inputs.data.subarray(row * size, (row + 1) * size))
    const point = ball.center.slice()
    const adam = startAdam(size)
    const velocity = new Float64Array(size)
    const isFooled = (): QuerySearch<boolean> =>
      queryPoint(point, (queried, logits) => best.record(row, queried, logits))
    if (options.randomStart) {
      drawStart(ball, stream, output)
      ball.project(output, point)
      if (yield* isFooled()) return
    }
    for (let step = 0; step < steps; step++) {
      const gradient = yield* estimateGradient(point, {
        count: samples,
        directions,
        distance: sampleDistance,
        bounds,
        stream,
        loss: (logits) => attackLosses[loss].value(logits, label),
      })
      if (update.kind === 'adam') adamStep(adam, point, gradient, stepSize, output)
      else {
        const { momentum } = update
        steepestStep(norm, { point, gradient, velocity, momentum, length: stepSize, output })
      }
      ball.project(output, point)
      if (yield* isFooled()) return
    }
  }

  const queries = await runQueries(task, { queries: options.queries, search })
  return { ...best.findings, queries }
}

/**
 * Passes of an example that is never fooled: the largest number of whole steps within `queries`.
 * @throws ConfigError ROBENCH_CONFIG if the queries do not suffice for one step
 */
export function sampledAscentCost(budget: SampledBudget): {
  readonly forward: number
  readonly backward: number
} {
  const start = budget.randomStart ? 1 : 0
  return { forward: start + countSteps(budget) * (budget.samples + 1), backward: 0 }
}

function countSteps({ queries, samples, randomStart }: SampledBudget): number {
  const least = samples + 1 + (randomStart ? 1 : 0)
  if (queries < least) {
    const step = `one step with ${samples} samples`
    const what = randomStart ? `a random start and ${step}` : step
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `queries: expected at least ${least} (${what}), got ${queries}; ` +
        'raise queries or lower samples',
    )
  }
  return Math.floor((queries - (randomStart ? 1 : 0)) / (samples + 1))
}
