/**
 * Gradient ascent on the attributes of an image and on noise at once: spa and first-order spatial.
 */
import {
  attackLosses,
  checkGradient,
  createBall,
  evaluateActive,
  predictedClass,
  preparePasses,
  rowOf,
  runIterativeAttack,
  stackPoints,
} from '../../../core/api/attack.ts'
import type {
  AttackLossName,
  AttackTask,
  Attempt,
  Ball,
  Evaluation,
} from '../../../core/api/attack.ts'
import { sizeOf } from '../../../core/api/graph.ts'
import { attributes, AttributeSession, rangedAttributes } from '../../../core/api/transforms.ts'
import { attributeRangesOf, trackBestAttributes, withinRange } from './attribute-findings.ts'
import type { AttributeResult } from './attribute-findings.ts'
import { drawAttributes } from './attribute-search.ts'
import type { Perturbation, PerturbationSource } from './perturbation-source.ts'

export interface JointAscentOptions {
  /** 1 or more. */
  readonly steps: number
  /** 1 or more. */
  readonly restarts: number
  /** Change of each attribute per step, as a fraction of its range. */
  readonly attributeStep: number
  readonly loss: AttackLossName
  /** A point counts only if the model still classifies T(x) correctly. */
  readonly semanticGuard: boolean
}

/** One example. Its point is x'. */
interface JointAttempt extends Attempt {
  readonly image: Float32Array
  readonly noise: Perturbation | undefined
  /** One value per attribute. */
  values: Float32Array
  /** Whether the attributes stay neutral, so that T(x) = x. */
  still: boolean
  /** The ball around T(x); the point lies in it. */
  ball: Ball
  restart: number
  /** Whether the noise of this restart has not been drawn yet. */
  fresh: boolean
}

/** An evaluation of x', and whether the guard rejects a misclassified x'. */
interface GuardedEvaluation extends Evaluation {
  readonly isRejected: boolean
}

/** The state that all attempts share. */
interface JointRun {
  readonly task: AttackTask
  readonly options: JointAscentOptions
  readonly session: AttributeSession
  readonly names: ReturnType<typeof rangedAttributes>
  readonly ranges: ReturnType<typeof attributeRangesOf>
  readonly neutral: Float32Array
  /** Scratch, as long as a point. */
  readonly candidate: Float64Array
}

/**
 * Raises the loss of x' = Π(T(x, a) + η) over attributes a and noise η. Returns for each example
 * the first misclassified x', or else the one with the largest margin. Each step takes the gradient
 * with respect to x' once, moves a by `attributeStep` of its range along the signs of its gradient
 * through T, and lets the noise take its own step. Π is the projection onto the ball around T(x,
 * a).
 *
 * Restarts begin at attributes drawn uniformly from their ranges. With noise, the first of several
 * restarts keeps the attributes neutral, unless ε is 0: it attacks in the ball around x, so that
 * the whole attack is at least as strong as that. With a single restart, it begins at neutral
 * attributes.
 *
 * With the guard, a misclassified x' whose T(x) is misclassified too does not count; the attributes
 * then move halfway back to neutral.
 * @param noise omit it for x' = T(x, a)
 * @throws ConfigError ROBENCH_CONFIG if the threat model has no attribute transform; RobenchError
 * ROBENCH_MODEL_OUTPUT if a gradient is not finite
 */
export async function jointAscent(
  task: AttackTask,
  options: JointAscentOptions,
  noise?: PerturbationSource,
): Promise<AttributeResult> {
  const { model, inputs, labels, threatModel } = task
  const { steps, restarts } = options
  const ranges = attributeRangesOf(task)
  const names = rangedAttributes(ranges)
  const neutral = Float32Array.from(names, (name) => attributes[name].neutral)
  const [channels = 1, height = 1, width = 1] = inputs.shape.slice(1)
  const shape = [channels, height, width] as const
  const best = trackBestAttributes(task, names)
  const session = new AttributeSession({ shape, names, bounds: threatModel.bounds })
  const candidate = new Float64Array(sizeOf(shape))
  const run: JointRun = { task, options, session, names, ranges, neutral, candidate }
  const passes = preparePasses<JointAttempt>({
    model,
    exampleShape: shape,
    loss: attackLosses[options.loss],
    label: ({ row }) => labels[row]!,
  })

  const open = (row: number): JointAttempt => {
    const image = rowOf(inputs, row)
    const attempt: JointAttempt = {
      row,
      image,
      noise: noise?.open(row),
      values: neutral,
      still: false,
      ball: createBall(threatModel, image),
      point: new Float32Array(image.length),
      restart: 0,
      step: 0,
      steps,
      fresh: true,
    }
    start(run, attempt)
    return attempt
  }

  try {
    await runIterativeAttack<JointAttempt, GuardedEvaluation>(task, {
      open,
      async evaluate(active) {
        for (const attempt of active) await updatePoint(run, attempt)
        const evaluations = await evaluateActive(active, passes)
        return applyGuard(run, active, evaluations)
      },
      judge: ({ row, point, values }, { logits, isRejected }) =>
        !isRejected && best.record(row, point, values, logits),
      step: (attempt, gradient, { isRejected }) =>
        isRejected ? retreat(run, attempt) : climb(run, attempt, gradient),
      restart(attempt) {
        attempt.restart += 1
        if (attempt.restart >= restarts) return false
        start(run, attempt)
        return true
      },
    })
  } finally {
    await session.release()
  }
  return best.result
}

/** Moves the attributes to the start of the current restart. */
function start({ task, options, ranges, names, neutral }: JointRun, attempt: JointAttempt): void {
  const { row, restart, noise } = attempt
  const isFirst = noise !== undefined && restart === 0
  attempt.fresh = true
  attempt.still = isFirst && options.restarts > 1 && task.threatModel.epsilon > 0
  attempt.values = isFirst
    ? neutral.slice()
    : drawAttributes(ranges, names, task.rng.stream(row, restart, 'attributes'))
}

/** Computes x' from the attributes and the noise. */
async function updatePoint(
  { task, session, candidate }: JointRun,
  attempt: JointAttempt,
): Promise<void> {
  const { image, noise, point, row, restart } = attempt
  const center = attempt.still ? image : await session.apply(image, attempt.values)
  attempt.ball = createBall(task.threatModel, center)
  if (noise === undefined) {
    point.set(center)
    return
  }
  if (attempt.fresh) noise.begin(attempt.ball, task.rng.stream(row, restart))
  attempt.fresh = false
  await noise.addTo(attempt.ball, candidate)
  attempt.ball.project(candidate, point)
}

/** Judges T(x) where x' is misclassified and the guard is on. One forward pass for each of them. */
async function applyGuard(
  { task, options }: JointRun,
  active: readonly JointAttempt[],
  evaluations: readonly Evaluation[],
): Promise<readonly GuardedEvaluation[]> {
  const { model, inputs, labels } = task
  const guarded = active.filter(
    ({ row, still }, place) =>
      options.semanticGuard && !still && predictedClass(evaluations[place]!.logits) !== labels[row],
  )
  const rejected = new Set<JointAttempt>()
  if (guarded.length > 0) {
    const centers = guarded.map(({ ball }) => ball.center)
    const logits = await model.logits(stackPoints(centers, inputs.shape.slice(1)))
    guarded.forEach((attempt, place) => {
      if (predictedClass(rowOf(logits, place)) !== labels[attempt.row]) rejected.add(attempt)
    })
  }
  return evaluations.map((evaluation, place) => ({
    ...evaluation,
    isRejected: rejected.has(active[place]!),
  }))
}

/** Takes a step of the attributes and of the noise. */
async function climb(
  { options, session, names, ranges }: JointRun,
  attempt: JointAttempt,
  gradient: Float32Array,
): Promise<void> {
  const { row, step, restart, ball, point, image } = attempt
  const place = `row ${row} at step ${step} of restart ${restart}`
  checkGradient(gradient, place, { row, step, restart })
  if (!attempt.still) {
    const slopes = await session.pullBack(image, attempt.values, gradient)
    names.forEach((name, i) => {
      const [low, high] = ranges[name]!
      const change = options.attributeStep * (high - low) * Math.sign(slopes[i]!)
      attempt.values[i] = withinRange(attempt.values[i]! + change, [low, high])
    })
  }
  await attempt.noise?.ascend({ ball, point, gradient })
}

/** Moves the attributes halfway back to neutral. */
function retreat({ neutral }: JointRun, { values }: JointAttempt): void {
  neutral.forEach((value, i) => {
    values[i] = (values[i]! + value) / 2
  })
}

/**
 * Passes for an example that is never fooled: a forward and a backward pass per step of each
 * restart, and a forward pass for its final point. With the guard this is a maximum: one more
 * forward pass for each misclassified point.
 */
export function jointAscentCost({
  steps,
  restarts,
  semanticGuard,
}: Pick<JointAscentOptions, 'steps' | 'restarts' | 'semanticGuard'>): {
  readonly forward: number
  readonly backward: number
} {
  const judged = restarts * (steps + 1)
  return { forward: semanticGuard ? 2 * judged : judged, backward: restarts * steps }
}
