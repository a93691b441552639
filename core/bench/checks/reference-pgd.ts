/** Plain gradient ascent that keeps a record of its way: the attack that probes judge a model by. */
import { attackLosses } from '../../attack/attack-loss.ts'
import type { AttackLossName } from '../../attack/attack-loss.ts'
import { rowOf, stackPoints } from '../../attack/batch.ts'
import { drawStart } from '../../attack/random-start.ts'
import { scheduleBatches } from '../../attack/batch-scheduler.ts'
import { steepestStep } from '../../attack/steepest-step.ts'
import type { Model } from '../../model/model.ts'
import { predictedClass } from '../../model/predictions.ts'
import type { Ball } from '../../threat/ball.ts'
import type { Norm } from '../../threat/threat-model.ts'
import type { ProbeSession } from './probe-session.ts'

export interface ReferencePgdOptions {
  readonly loss: AttackLossName
  readonly steps: number
  /** Of ε. */
  readonly stepFraction: number
  /** In place of the threat model's. */
  readonly epsilon: number
  readonly start: 'input' | 'random'
  /** Whose gradients to follow: the exact ones, or those of `surrogateOf`. */
  readonly gradients?: 'exact' | 'surrogate'
}

/** How far an example came. */
export interface ReferencePgdTrace {
  /** The first step after which it was misclassified, 0 for the start; −1 if never. */
  readonly fooledAt: Int32Array
  /** Per example the highest loss until each step, the start first; it ends where the example is fooled. */
  readonly best: readonly (readonly number[])[]
}

/** Which examples a climb of so many steps would have broken: `[n]`, 1 or 0. */
export function brokenWithin({ fooledAt }: ReferencePgdTrace, steps = Infinity): Uint8Array {
  return Uint8Array.from(fooledAt, (at) => (at >= 0 && at <= steps ? 1 : 0))
}

/**
 * The same model with a backward pass that takes every declared component, rounding and threshold for the identity: BPDA (Athalye, Carlini, Wagner
 * 2018, arXiv:1802.00420).
 * @param draws names the random numbers of a stochastic model, begun anew; it goes on with those it has if left out
 * @throws ConfigError where a component changes the shape; GraphError where there is no graph
 */
export function surrogateOf(model: Model, draws?: string): Model {
  const components = Object.fromEntries(
    model.components.map(({ name }) => [name, 'identity' as const]),
  )
  return model.variant({ components, straightThrough: true, ...(draws !== undefined && { draws }) })
}

interface Attempt {
  readonly row: number
  readonly ball: Ball
  readonly point: Float32Array
  readonly best: number[]
  step: number
}

/**
 * Projected gradient ascent (Madry et al. 2018) from one start. Components of a gradient that are not finite count as zero, so that
 * there is a record where an attack would have to give up. Done once for the same options.
 * Cost: a forward and a backward pass a step, and one forward pass, for an example that is never fooled.
 */
export function referencePgd(
  laboratory: ProbeSession,
  options: ReferencePgdOptions,
): Promise<ReferencePgdTrace> {
  const { loss, steps, stepFraction, epsilon, start, gradients = 'exact' } = options
  const name = ['climb', loss, steps, stepFraction, epsilon, start, gradients].join(' ')
  return laboratory.once(name, () => runReferencePgd(laboratory, options))
}

async function runReferencePgd(
  laboratory: ProbeSession,
  options: ReferencePgdOptions,
): Promise<ReferencePgdTrace> {
  const { labels, inputs, context } = laboratory
  const { batchSize, signal } = context
  const model = options.gradients === 'surrogate' ? surrogateOf(laboratory.model) : laboratory.model
  const loss = attackLosses[options.loss]
  const threatModel = { ...laboratory.threatModel, epsilon: options.epsilon }
  const shape = inputs.shape.slice(1)
  const size = inputs.data.length / labels.length
  const output = new Float64Array(size)
  const fooledAt = new Int32Array(labels.length).fill(-1)
  const best = Array.from(labels, (): number[] => [])

  const open = (row: number): Attempt => {
    const ball = laboratory.ball(row, threatModel)
    const point = ball.center.slice()
    if (options.start === 'random') {
      drawStart(ball, laboratory.stream(row, 'start'), output)
      ball.project(output, point)
    }
    return { row, ball, point, best: best[row]!, step: 0 }
  }

  /** True if the example is misclassified at its point. */
  const judge = ({ row, step, best }: Attempt, logits: Float32Array): boolean => {
    best.push(Math.max(best.at(-1) ?? -Infinity, loss.value(logits, labels[row]!)))
    if (predictedClass(logits) === labels[row]) return false
    fooledAt[row] = step
    return true
  }

  const move = (attempt: Attempt, gradient: Float32Array): void => {
    const { ball, point } = attempt
    const length = options.stepFraction * options.epsilon
    takeStep(threatModel.norm, point, finite(gradient), length, output)
    ball.project(output, point)
    attempt.step += 1
  }

  const advance = async (active: readonly Attempt[]): Promise<boolean[]> => {
    const moving = active.filter(({ step }) => step < options.steps)
    const finished = new Map<Attempt, boolean>()
    if (moving.length > 0) {
      const points = stackPoints(
        moving.map(({ point }) => point),
        shape,
      )
      const own = Int32Array.from(moving, ({ row }) => labels[row]!)
      const { logits, gradient } = await model.gradient(points, own, loss.expression)
      moving.forEach((attempt, place) => {
        const fooled = judge(attempt, rowOf(logits, place))
        if (!fooled) move(attempt, rowOf(gradient, place))
        finished.set(attempt, fooled)
      })
    }
    const closing = active.filter((attempt) => !finished.has(attempt))
    if (closing.length > 0) {
      const points = stackPoints(
        closing.map(({ point }) => point),
        shape,
      )
      const logits = await model.logits(points)
      closing.forEach((attempt, place) => judge(attempt, rowOf(logits, place)))
    }
    return active.map((attempt) => finished.get(attempt) ?? true)
  }

  await scheduleBatches({
    count: labels.length,
    batchSize,
    signal,
    progress: () => {},
    open,
    advance,
  })
  return { fooledAt, best }
}

function finite(gradient: Float32Array): Float32Array {
  return gradient.map((value) => (Number.isFinite(value) ? value : 0))
}

/** In L1 a twentieth of the components share the step, those with the largest gradients (Tramèr and Boneh 2019, arXiv:1904.13000). */
function takeStep(
  norm: Norm,
  point: Float32Array,
  gradient: Float32Array,
  length: number,
  output: Float64Array,
): void {
  if (norm !== 'L1') {
    const velocity = new Float64Array(0)
    steepestStep(norm, { point, gradient, velocity, momentum: 0, length, output })
    return
  }
  const count = Math.ceil(gradient.length / 20)
  const sizes = gradient.map(Math.abs).toSorted()
  const least = sizes[sizes.length - count]!
  for (let i = 0; i < output.length; i++) {
    const moves = gradient[i] !== 0 && Math.abs(gradient[i]!) >= least
    output[i] = point[i]! + (moves ? (Math.sign(gradient[i]!) * length) / count : 0)
  }
}
