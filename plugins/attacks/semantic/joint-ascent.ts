/** Gradient ascent on the attributes of an image and on noise at once: the machinery of spa, and of spatial's first order. */
import {
  attackLosses,
  checkGradient,
  createBall,
  predictedClass,
  rowOf,
  scheduleTask,
  stackPoints,
} from '../../../core/api/attack.ts'
import type { AttackLossName, AttackTask, Ball } from '../../../core/api/attack.ts'
import { sizeOf } from '../../../core/api/graph.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'
import { attributes, AttributeSession, rangedAttributes } from '../../../core/api/transforms.ts'
import { attributeRangesOf, keepStrongestAttributes, withinRange } from './attribute-findings.ts'
import type { AttributeResult } from './attribute-findings.ts'
import { drawAttributes } from './attribute-search.ts'
import type { Perturbation, PerturbationSource } from './perturbation-source.ts'

export interface JointAscentOptions {
  /** 1 or more. */
  readonly steps: number
  /** 1 or more. */
  readonly restarts: number
  /** What a step changes each attribute by, as a share of its range. */
  readonly attributeStep: number
  readonly loss: AttackLossName
  /** A point counts only if the model still classifies T(x) correctly. */
  readonly semanticGuard: boolean
}

/** One example on its way. */
interface Attempt {
  readonly row: number
  readonly image: Float32Array
  readonly noise: Perturbation | undefined
  /** One for each attribute. */
  values: Float32Array
  /** The attributes are neutral and stay so: T(x) = x. */
  still: boolean
  /** Around T(x); the point lies in it. */
  ball: Ball
  readonly point: Float32Array
  restart: number
  step: number
  /** The noise of this restart has not been drawn yet. */
  fresh: boolean
}

/**
 * Raises the loss of x' = Π(T(x, a) + η) over attributes a and noise η, and returns for each example the first misclassified x', or else
 * the one with the largest margin. Each step takes the gradient by x' once, moves a by `attributeStep` of its range along the signs of
 * its gradient through T, and lets the noise make its own step. Π is the projection onto the ball around T(x, a).
 *
 * Restarts begin at attributes uniform in their ranges. With noise the first of several leaves the attributes alone, unless ε is 0: it
 * is an attack in the ball around x, so that the whole is never weaker than that. With one restart only, it begins at neutral attributes.
 *
 * With the guard, a misclassified x' whose T(x) is misclassified, too, is not kept; the attributes go half the way back to neutral.
 * @param noise none: x' is T(x, a)
 * @throws ConfigError ROBENCH_CONFIG if the threat model has no attribute transform; RobenchError ROBENCH_MODEL_OUTPUT if a gradient is not finite
 */
export async function jointAscent(
  task: AttackTask,
  options: JointAscentOptions,
  noise?: PerturbationSource,
): Promise<AttributeResult> {
  const { model, inputs, labels, threatModel, rng } = task
  const ranges = attributeRangesOf(task)
  const names = rangedAttributes(ranges)
  const neutral = Float32Array.from(names, (name) => attributes[name].neutral)
  const loss = attackLosses[options.loss]
  const [channels = 1, height = 1, width = 1] = inputs.shape.slice(1)
  const shape = [channels, height, width] as const
  const size = sizeOf(shape)
  const candidate = new Float64Array(size)
  const strongest = keepStrongestAttributes(task, names)
  const session = new AttributeSession({ shape, names, bounds: threatModel.bounds })

  const begin = (attempt: Attempt): void => {
    const { row, restart } = attempt
    const first = noise !== undefined && restart === 0
    attempt.step = 0
    attempt.fresh = true
    attempt.still = first && options.restarts > 1 && threatModel.epsilon > 0
    attempt.values = first
      ? neutral.slice()
      : drawAttributes(ranges, names, rng.stream(row, restart, 'attributes'))
  }

  const open = (row: number): Attempt => {
    const image = inputs.data.subarray(row * size, (row + 1) * size)
    const attempt: Attempt = {
      row,
      image,
      noise: noise?.open(row),
      values: neutral,
      still: false,
      ball: createBall(threatModel, image),
      point: new Float32Array(size),
      restart: 0,
      step: 0,
      fresh: true,
    }
    begin(attempt)
    return attempt
  }

  /** Computes x' of the attributes and noise. */
  const place = async (attempt: Attempt): Promise<void> => {
    const { image, noise, point, row, restart } = attempt
    const center = attempt.still ? image : await session.apply(image, attempt.values)
    attempt.ball = createBall(threatModel, center)
    if (noise === undefined) {
      point.set(center)
      return
    }
    if (attempt.fresh) noise.begin(attempt.ball, rng.stream(row, restart))
    attempt.fresh = false
    await noise.addTo(attempt.ball, candidate)
    attempt.ball.project(candidate, point)
  }

  const climb = async (attempt: Attempt, gradient: Float32Array): Promise<void> => {
    const { row, step, restart, ball, point } = attempt
    checkGradient(gradient, `row ${row} at step ${step} of restart ${restart}`, {
      row,
      step,
      restart,
    })
    if (!attempt.still) {
      const slopes = await session.pullBack(attempt.image, attempt.values, gradient)
      names.forEach((name, i) => {
        const [low, high] = ranges[name]!
        const change = options.attributeStep * (high - low) * Math.sign(slopes[i]!)
        attempt.values[i] = withinRange(attempt.values[i]! + change, [low, high])
      })
    }
    await attempt.noise?.ascend({ ball, point, gradient })
    attempt.step += 1
  }

  const retreat = (attempt: Attempt): void => {
    neutral.forEach((value, i) => {
      attempt.values[i] = (attempt.values[i]! + value) / 2
    })
    attempt.step += 1
  }

  /** After the last step of a restart: true if there is no other. */
  const close = (attempt: Attempt): boolean => {
    attempt.restart += 1
    if (attempt.restart >= options.restarts) return true
    begin(attempt)
    return false
  }

  /** Of attempts that are misclassified: those whose T(x) is, too. */
  const outOfClass = async (fooled: readonly Attempt[]): Promise<Set<Attempt>> => {
    const asked = options.semanticGuard ? fooled.filter(({ still }) => !still) : []
    if (asked.length === 0) return new Set()
    const centers = asked.map(({ ball }) => ball.center)
    const logits = await model.logits(stackPoints(centers, shape))
    return new Set(asked.filter(({ row }, at) => predictedClass(rowOf(logits, at)) !== labels[row]))
  }

  const advance = async (active: readonly Attempt[]): Promise<boolean[]> => {
    for (const attempt of active) await place(attempt)
    const judged = await evaluate(active)
    const rejected = await outOfClass(
      active.filter(
        (attempt) => predictedClass(judged.get(attempt)!.logits) !== labels[attempt.row],
      ),
    )
    const finished: boolean[] = []
    for (const attempt of active) {
      const { logits, gradient } = judged.get(attempt)!
      const { row, point, values } = attempt
      if (rejected.has(attempt)) {
        if (gradient) retreat(attempt)
        finished.push(gradient ? false : close(attempt))
      } else if (strongest.offer(row, point, values, logits)) {
        finished.push(true)
      } else {
        if (gradient) await climb(attempt, gradient)
        finished.push(gradient ? false : close(attempt))
      }
    }
    return finished
  }

  /** Logits of each point, and the gradient of those that have a step to make. */
  const evaluate = async (
    active: readonly Attempt[],
  ): Promise<Map<Attempt, { logits: Float32Array; gradient?: Float32Array }>> => {
    const judged = new Map<Attempt, { logits: Float32Array; gradient?: Float32Array }>()
    const moving = active.filter(({ step }) => step < options.steps)
    if (moving.length > 0) {
      const stepLabels = Int32Array.from(moving, ({ row }) => labels[row]!)
      const answer = await model.gradient(pointsOf(moving), stepLabels, loss.expression)
      moving.forEach((attempt, at) => {
        const logits = rowOf(answer.logits, at)
        judged.set(attempt, { logits, gradient: rowOf(answer.gradient, at) })
      })
    }
    const closing = active.filter(({ step }) => step >= options.steps)
    if (closing.length > 0) {
      const logits = await model.logits(pointsOf(closing))
      closing.forEach((attempt, at) => judged.set(attempt, { logits: rowOf(logits, at) }))
    }
    return judged
  }

  const pointsOf = (attempts: readonly Attempt[]): FloatTensor =>
    stackPoints(
      attempts.map(({ point }) => point),
      shape,
    )

  try {
    await scheduleTask(task, {
      open,
      advance,
    })
  } finally {
    await session.release()
  }
  return strongest.answer
}

/**
 * Passes for an example that is never fooled: each restart takes a forward and a backward pass a step, and one forward pass to judge the
 * final point. With the guard it is the most there can be: one more forward pass for each misclassified point.
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
