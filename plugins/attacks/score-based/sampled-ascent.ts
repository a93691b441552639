/** Projected ascent on gradients that are estimated from logits: the machinery of spsa and nes. */
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

export interface SampledBudget {
  /** Most forward passes of an example. */
  readonly queries: number
  /** Of them, those of one estimate: an even number, 2 or more. */
  readonly samples: number
  /** Start at a uniform draw from the ball instead of at the input; costs a query, which judges it. */
  readonly randomStart: boolean
}

export interface SampledAscentOptions extends SampledBudget {
  readonly directions: SampleDirections
  /** See `GradientSamples`; in the units of the inputs. */
  readonly sampleDistance: number
  readonly loss: AttackLossName
  readonly update: SampledUpdate
  /** Length of a step in the attack's norm; of Adam in each component, about. */
  readonly stepSize: number
}

/** Adam, or the steepest step of the norm with momentum μ (0 for none). */
export type SampledUpdate =
  | { readonly kind: 'adam' }
  | { readonly kind: 'steepest'; readonly momentum: number }

export interface SampledFindings extends AttackFindings {
  /** `[n]` */
  readonly queries: Int32Array
}

/**
 * Attacks every example with as many steps as its queries allow; each takes `samples` queries for the gradient and one to judge
 * where it leads. Ends at the first iterate that is misclassified; else the one with the largest margin is kept.
 * Samples are clipped to the bounds, as a black box takes nothing else, but need not lie in the ball.
 *
 * Cost for an example that is never fooled: see `sampledAscentCost`.
 * @throws ConfigError ROBENCH_CONFIG if the queries do not suffice for one step.
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
  const strongest = trackBestAdversarial(task)
  const output = new Float64Array(size)

  function* climb(row: number): QuerySearch {
    const stream = rng.stream(row, 0)
    const label = labels[row]!
    const ball = createBall(threatModel, inputs.data.subarray(row * size, (row + 1) * size))
    const point = ball.center.slice()
    const adam = startAdam(size)
    const velocity = new Float64Array(size)
    const fooled = (): QuerySearch<boolean> =>
      queryPoint(point, (asked, logits) => strongest.record(row, asked, logits))
    if (options.randomStart) {
      drawStart(ball, stream, output)
      ball.project(output, point)
      if (yield* fooled()) return
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
      if (yield* fooled()) return
    }
  }

  const queries = await runQueries(task, { queries: options.queries, search: climb })
  return { ...strongest.findings, queries }
}

/** Passes for an example that is never fooled: never above `queries`, below where they do not divide into steps. @throws as `sampledAscent` */
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
    const what = randomStart ? `a random start and ${step} take` : `${step} takes`
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `queries: expected at least ${least}, which ${what}, got ${queries}; raise queries or lower samples`,
    )
  }
  return Math.floor((queries - (randomStart ? 1 : 0)) / (samples + 1))
}
