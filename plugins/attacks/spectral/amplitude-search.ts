/** Search for the worst amplitude that keeps an image's phase: the algorithm of `amplitude-mix`. */
import {
  attackLosses,
  checkGradient,
  predictedClass,
  rowOf,
  scheduleTask,
  stackPoints,
} from '../../../core/api/attack.ts'
import type { AttackLossName, AttackTask } from '../../../core/api/attack.ts'
import { sizeOf, tensor } from '../../../core/api/graph.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'
import type { AmplitudeEvidence, AmplitudeTransform } from '../../../core/api/plugin.ts'
import { amplitudeCandidates, copyParameters, neutralParameters } from './amplitude-candidate.ts'
import type { AmplitudeCandidate, AmplitudeParameters } from './amplitude-candidate.ts'

/** Options of `amplitudeSearch`. */
export interface AmplitudeSearchOptions {
  /** n: random examples of the data set whose amplitude is mixed in, 1 or more. */
  readonly distractors: number
  /** m: values of λ to try with each, λ_max·i/m for i = 1 … m; 1 or more. */
  readonly mixes: number
  /** N: ascent steps in s after the mixtures, 0 or more. */
  readonly steps: number
  /** β: change of s per step. */
  readonly stepSize: number
  /** Ranks the mixtures, and is maximized by the ascent. */
  readonly loss: AttackLossName
}

/** The limits λ_max and ρ of the search. */
export type AmplitudeLimits = Pick<AmplitudeTransform, 'mix' | 'scale'>

/** The result of `amplitudeSearch`. */
export interface AmplitudeFindings {
  /** `[n, c, h, w]` */
  readonly adversarial: FloatTensor
  /** The parameters of T; if images are projected onto a ball, those before projection. */
  readonly evidence: AmplitudeEvidence
}

interface Attempt {
  readonly row: number
  readonly label: number
  readonly candidate: AmplitudeCandidate
  readonly distractors: readonly number[]
  readonly best: AmplitudeParameters
  bestLoss: number
  /** Mixtures evaluated. */
  tried: number
  /** Ascent steps taken. */
  step: number
}

/**
 * Evaluates mixtures with the amplitude of random examples of the data set, then takes the worst
 * one and ascends in s (see `AmplitudeCandidate`). Returns the first misclassified image, or else
 * the one with the highest loss.
 *
 * Without an amplitude transform in the threat model, `limits` bound the amplitude, and each image
 * is projected onto the ball around x before it is evaluated. Each example draws its distractors
 * from its own stream, with replacement; the example itself may be among them.
 *
 * For the cost of an example that is never fooled see `amplitudeSearchCost`.
 * @throws RobenchError ROBENCH_MODEL_OUTPUT if a gradient is not finite
 * @see Li et al. 2024, equation 2, for the mixture
 */
export async function amplitudeSearch(
  task: AttackTask,
  options: AmplitudeSearchOptions,
  limits: AmplitudeLimits,
): Promise<AmplitudeFindings> {
  const { model, inputs } = task
  const exampleShape = inputs.shape.slice(1)
  const size = sizeOf(exampleShape)
  const loss = attackLosses[options.loss]
  const { mixtures, steps } = countEvaluations(options, limits)
  const candidateOf = amplitudeCandidates(task, limits)
  const found = trackFindings(inputs)

  const open = (row: number): Attempt | undefined => {
    if (mixtures + steps === 0) return undefined
    const candidate = candidateOf(inputs.data.subarray(row * size, (row + 1) * size))
    return openAttempt(task, row, candidate, options.distractors)
  }

  /**
   * Records the candidate if it is the worst so far. Returns true if it is misclassified and the
   * model is deterministic: for a stochastic model the search goes on to the highest loss.
   */
  const judge = (attempt: Attempt, logits: Float32Array): boolean => {
    const { row, label, candidate, best } = attempt
    const finished = !model.stochastic && predictedClass(logits) !== label
    const value = loss.value(logits, label)
    if (finished || value > attempt.bestLoss) {
      attempt.bestLoss = value
      copyParameters(candidate.parameters, best)
      found.keep(row, candidate.point, best)
    }
    return finished
  }

  /** Takes in the logits of mixtures and final points; returns the finished attempts. */
  const advanceForward = async (attempts: readonly Attempt[]): Promise<readonly Attempt[]> => {
    for (const { tried, candidate, distractors } of attempts) {
      if (tried < mixtures) candidate.mixWith(mixtureAt(tried, distractors, options, limits))
    }
    const logits = await model.logits(stack(attempts, exampleShape))
    return attempts.filter((attempt, place) => {
      const mixing = attempt.tried < mixtures
      if (judge(attempt, rowOf(logits, place)) || !mixing) return true
      attempt.tried += 1
      if (attempt.tried < mixtures) return false
      if (steps > 0) attempt.candidate.mixWith(attempt.best)
      return steps === 0
    })
  }

  /** Takes an ascent step with each attempt; returns the finished attempts. */
  const advanceGradient = async (attempts: readonly Attempt[]): Promise<readonly Attempt[]> => {
    const own = Int32Array.from(attempts, ({ label }) => label)
    const points = stack(attempts, exampleShape)
    const { logits, gradient } = await model.gradient(points, own, loss.expression)
    return attempts.filter((attempt, place) => {
      if (judge(attempt, rowOf(logits, place))) return true
      const { row, step, candidate } = attempt
      const slopes = rowOf(gradient, place)
      checkGradient(slopes, `row ${row} at step ${step}`, { row, step })
      candidate.ascend(slopes, options.stepSize)
      attempt.step += 1
      return false
    })
  }

  const advance = async (active: readonly Attempt[]): Promise<boolean[]> => {
    const ascending = active.filter(({ tried, step }) => tried >= mixtures && step < steps)
    const others = active.filter((attempt) => !ascending.includes(attempt))
    const finished = new Set<Attempt>()
    if (others.length > 0) for (const one of await advanceForward(others)) finished.add(one)
    if (ascending.length > 0) for (const one of await advanceGradient(ascending)) finished.add(one)
    return active.map((attempt) => finished.has(attempt))
  }

  await scheduleTask(task, { open, advance })
  return found
}

/** Draws the distractors of an example. */
function openAttempt(
  { labels, reference, rng }: AttackTask,
  row: number,
  candidate: AmplitudeCandidate,
  count: number,
): Attempt {
  const stream = rng.stream(row, 0, 'distractors')
  return {
    row,
    label: labels[row]!,
    candidate,
    distractors: Array.from({ length: count }, () => stream.integer(reference.count)),
    best: neutralParameters(candidate.point.length),
    bestLoss: -Infinity,
    tried: 0,
    step: 0,
  }
}

/**
 * Passes of an example that is never fooled: one forward pass per mixture; one forward and one
 * backward pass per step, and one forward pass for the final point.
 */
export function amplitudeSearchCost(
  options: AmplitudeSearchOptions,
  limits: AmplitudeLimits,
): { readonly forward: number; readonly backward: number } {
  const { mixtures, steps } = countEvaluations(options, limits)
  return { forward: mixtures + (steps > 0 ? steps + 1 : 0), backward: steps }
}

/** Mixtures and ascent steps that the limits permit. */
function countEvaluations(
  { distractors, mixes, steps }: AmplitudeSearchOptions,
  limits: AmplitudeLimits,
): { readonly mixtures: number; readonly steps: number } {
  return {
    mixtures: limits.mix > 0 ? distractors * mixes : 0,
    steps: limits.scale > 0 ? steps : 0,
  }
}

/** The k-th mixture: all λ of the first distractor, then of the second, and so on. */
function mixtureAt(
  k: number,
  distractors: readonly number[],
  { mixes }: AmplitudeSearchOptions,
  limits: AmplitudeLimits,
): Pick<AmplitudeParameters, 'mix' | 'distractor'> {
  return {
    mix: Math.fround((limits.mix * ((k % mixes) + 1)) / mixes),
    distractor: distractors[Math.floor(k / mixes)]!,
  }
}

function stack(attempts: readonly Attempt[], shape: readonly number[]): FloatTensor {
  return stackPoints(
    attempts.map(({ candidate }) => candidate.point),
    shape,
  )
}

/** Starts with the inputs and identity parameters as the result. */
function trackFindings(inputs: FloatTensor): AmplitudeFindings & {
  keep(row: number, point: Float32Array, parameters: AmplitudeParameters): void
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
