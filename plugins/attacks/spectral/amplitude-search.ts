/** The worst amplitude with the image's own phase: the machinery of amplitude-mix. */
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
import { sizeOf, tensor } from '../../../core/api/graph.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'
import type { AmplitudeEvidence, AmplitudeTransform } from '../../../core/api/plugin.ts'
import { clipToBounds, createAmplitudeChange } from '../../../core/api/transforms.ts'
import type { AmplitudeMixture } from '../../../core/api/transforms.ts'

export interface AmplitudeSearchOptions {
  /** n: how many examples of the data set to take the amplitude of; 1 or more. */
  readonly distractors: number
  /** How many λ to try with each: λ_max·i/m for i = 1 … m; 1 or more. */
  readonly mixes: number
  /** N: steps of the ascent in s that follows; 0 or more. */
  readonly steps: number
  /** β: how far a step changes s. */
  readonly stepSize: number
  /** What the worst mixture has the most of, and what the ascent raises. */
  readonly loss: AttackLossName
}

export interface AmplitudeFindings {
  /** `[n, c, h, w]` */
  readonly adversarial: FloatTensor
  /** What T made them of; where they are projected onto a ball, what was projected. */
  readonly evidence: AmplitudeEvidence
}

/** The parameters of an image that was shown to the model. s is all ones until the ascent. */
interface Parameters {
  mix: number
  distractor: number
  readonly scale: Float32Array
}

interface Attempt {
  readonly row: number
  readonly label: number
  /** Undefined where T(x) itself is the answer. */
  readonly ball: Ball | undefined
  /** Of the distractor at hand. */
  mixture: AmplitudeMixture
  readonly current: Parameters
  readonly best: Parameters
  bestLoss: number
  readonly distractors: readonly number[]
  /** Mixtures tried, then steps made. */
  tried: number
  step: number
  /** T(x), before and after it is clipped (and projected). */
  readonly image: Float64Array
  readonly point: Float32Array
}

/**
 * Shows the model mixtures with the amplitude of random examples of the data set, then takes the worst and goes up in s by
 * s ← clip(s + β·sign(∂loss/∂s), 1 − ρ, 1 + ρ), with the exact gradient through the inverse transform and the clipping to the bounds. Answers
 * with the first misclassified image, or else that of the highest loss.
 *
 * Without an amplitude transform in the threat model, `limits` say how far the amplitude may go, and every image is projected onto the
 * ball around x before it is shown; the gradient passes the projection as if it were not there.
 * Every example draws its distractors from its own stream, with replacement; the image itself may be among them.
 *
 * Cost of an example that is never fooled: `amplitudeSearchCost`.
 * @param limits λ_max and ρ
 * @throws RobenchError ROBENCH_MODEL_OUTPUT if a gradient is not finite
 * @see Li, Li, Wu, Tian, Zhou 2024, arXiv:2410.12307, eq. 2, for the mixture
 */
export async function amplitudeSearch(
  task: AttackTask,
  options: AmplitudeSearchOptions,
  limits: Pick<AmplitudeTransform, 'mix' | 'scale'>,
): Promise<AmplitudeFindings> {
  const { model, inputs, labels, threatModel, reference, rng } = task
  const [channels = 1, height = 1, width = 1] = inputs.shape.slice(1)
  const shape = [channels, height, width] as const
  const size = sizeOf(shape)
  const change = createAmplitudeChange(shape)
  const loss = attackLosses[options.loss]
  const projects = threatModel.transform?.kind !== 'amplitude'
  const mixtures = limits.mix > 0 ? options.distractors * options.mixes : 0
  const steps = limits.scale > 0 ? options.steps : 0
  const [lowest, highest] = [Math.fround(1 - limits.scale), Math.fround(1 + limits.scale)]
  const found = emptyFindings(inputs)

  const exchange = (attempt: Attempt, distractor: number): void => {
    if (attempt.current.distractor === distractor) return
    attempt.current.distractor = distractor
    const foreign = reference.select([distractor]).inputs.data
    attempt.mixture = change.withForeign(attempt.mixture, foreign)
  }

  const render = ({ mixture, current, image, point, ball }: Attempt): void => {
    change.apply(mixture, current, image)
    clipToBounds(threatModel.bounds, image, point)
    if (ball === undefined) return
    ball.project(new Float64Array(point), point)
  }

  const renderMixture = (attempt: Attempt): void => {
    const { tried, current } = attempt
    exchange(attempt, attempt.distractors[Math.floor(tried / options.mixes)]!)
    current.mix = Math.fround((limits.mix * ((tried % options.mixes) + 1)) / options.mixes)
    render(attempt)
  }

  const open = (row: number): Attempt | undefined => {
    if (mixtures + steps === 0) return undefined
    const image = inputs.data.subarray(row * size, (row + 1) * size)
    const stream = rng.stream(row, 0, 'distractors')
    return {
      row,
      label: labels[row]!,
      ball: projects ? createBall(threatModel, image) : undefined,
      mixture: change.own(image),
      current: { mix: 0, distractor: -1, scale: new Float32Array(size).fill(1) },
      best: { mix: 0, distractor: -1, scale: new Float32Array(size).fill(1) },
      bestLoss: -Infinity,
      distractors: Array.from({ length: options.distractors }, () =>
        stream.integer(reference.count),
      ),
      tried: 0,
      step: 0,
      image: new Float64Array(image),
      point: image.slice(),
    }
  }

  /** Keeps the image shown if it is the worst yet; true if it is misclassified. */
  const judge = (attempt: Attempt, logits: Float32Array): boolean => {
    const { row, label, current, best, point } = attempt
    const misclassified = predictedClass(logits) !== label
    const value = loss.value(logits, label)
    if (misclassified || value > attempt.bestLoss) {
      attempt.bestLoss = value
      copyParameters(current, best)
      found.keep(row, point, best)
    }
    return misclassified
  }

  /** Goes on to the next mixture, or to the worst of them all; true if that was all. */
  const next = (attempt: Attempt): boolean => {
    attempt.tried += 1
    if (attempt.tried < mixtures) return false
    if (steps === 0) return true
    const { distractor, mix } = attempt.best
    exchange(attempt, distractor)
    attempt.current.mix = mix
    render(attempt)
    return false
  }

  const ascend = (attempt: Attempt, gradient: Float32Array): void => {
    const { row, step, image, mixture, current } = attempt
    checkGradient(gradient, `row ${row} at step ${step}`, { row, step })
    const [low, high] = threatModel.bounds
    const passed = new Float64Array(size)
    for (let i = 0; i < size; i++) {
      if (image[i]! >= low && image[i]! <= high) passed[i] = gradient[i]!
    }
    const slopes = change.scaleGradient(mixture, current.mix, passed)
    const { scale } = current
    for (let k = 0; k < size; k++) {
      const moved = scale[k]! + options.stepSize * Math.sign(slopes[k]!)
      scale[k] = Math.min(Math.max(moved, lowest), highest)
    }
    render(attempt)
    attempt.step += 1
  }

  const stack = (attempts: readonly Attempt[]): FloatTensor =>
    stackPoints(
      attempts.map(({ point }) => point),
      shape,
    )

  /** Judges by a forward pass the mixtures and the last points; returns the attempts that are finished. */
  const advanceForward = async (attempts: readonly Attempt[]): Promise<readonly Attempt[]> => {
    for (const attempt of attempts) if (attempt.tried < mixtures) renderMixture(attempt)
    const logits = await model.logits(stack(attempts))
    return attempts.filter((attempt, place) => {
      const mixing = attempt.tried < mixtures
      return judge(attempt, rowOf(logits, place)) || !mixing || next(attempt)
    })
  }

  const advanceGradient = async (attempts: readonly Attempt[]): Promise<readonly Attempt[]> => {
    const own = Int32Array.from(attempts, ({ label }) => label)
    const { logits, gradient } = await model.gradient(stack(attempts), own, loss.expression)
    return attempts.filter((attempt, place) => {
      if (judge(attempt, rowOf(logits, place))) return true
      ascend(attempt, rowOf(gradient, place))
      return false
    })
  }

  const advance = async (active: readonly Attempt[]): Promise<boolean[]> => {
    const rising = active.filter(({ tried, step }) => tried >= mixtures && step < steps)
    const others = active.filter((attempt) => !rising.includes(attempt))
    const finished = new Set<Attempt>()
    if (others.length > 0) for (const one of await advanceForward(others)) finished.add(one)
    if (rising.length > 0) for (const one of await advanceGradient(rising)) finished.add(one)
    return active.map((attempt) => finished.has(attempt))
  }

  await scheduleTask(task, {
    open,
    advance,
  })
  return found
}

/** Passes for an example that is never fooled: one forward pass a mixture; a forward and a backward pass a step, and one forward pass to judge the last. */
export function amplitudeSearchCost(
  { distractors, mixes, steps }: AmplitudeSearchOptions,
  limits: Pick<AmplitudeTransform, 'mix' | 'scale'>,
): { readonly forward: number; readonly backward: number } {
  const mixtures = limits.mix > 0 ? distractors * mixes : 0
  const ascents = limits.scale > 0 ? steps : 0
  return { forward: mixtures + (ascents > 0 ? ascents + 1 : 0), backward: ascents }
}

function copyParameters(from: Parameters, to: Parameters): void {
  to.mix = from.mix
  to.distractor = from.distractor
  to.scale.set(from.scale)
}

/** Nothing found yet: the answers are the inputs, and T is the identity. */
function emptyFindings(inputs: FloatTensor): AmplitudeFindings & {
  keep(row: number, point: Float32Array, parameters: Parameters): void
} {
  const count = inputs.shape[0]!
  const size = sizeOf(inputs.shape.slice(1))
  const adversarial = tensor('float32', inputs.shape, inputs.data.slice())
  const mix = new Float32Array(count)
  const distractors = new Int32Array(count).fill(-1)
  const scale = tensor('float32', inputs.shape, new Float32Array(inputs.data.length).fill(1))
  return {
    adversarial,
    evidence: { kind: 'amplitude', mix, distractors, scale },
    keep(row, point, parameters) {
      adversarial.data.set(point, row * size)
      mix[row] = parameters.mix
      distractors[row] = parameters.distractor
      scale.data.set(parameters.scale, row * size)
    },
  }
}
