/** Targets of an attacker who wants one class: the targeted threat model. */
import { ConfigError } from '../base/errors.ts'
import { optionLimits } from '../base/option-limits.ts'
import { randomStream } from '../base/random.ts'

/**
 * The class that the attacker wants for each example. A number: that class; `next`: the class after
 * the label; `least-likely`: the class with the lowest logit at the input; `random`: a wrong class,
 * drawn for each example, the same for all attacks and seeds; `given`: by a file of the data.
 */
export type ThreatTarget = number | 'next' | 'least-likely' | 'random' | 'given'

/** The targets that are words. */
export const targetWords = ['next', 'least-likely', 'random', 'given'] as const

/** JSON Schema of a target in a suite: a `ThreatTarget`, or the name of a class. */
export const suiteTargetSchema = {
  anyOf: [
    { type: 'integer', minimum: 0, maximum: optionLimits.classes },
    { type: 'string', minLength: 1, maxLength: 300 },
  ],
  description:
    'a class number, the name of a class, "next", "least-likely", "random", or "given" (by the ' +
    'file `targets` of the data); the attacker wants this class, and an example is broken if it ' +
    'is predicted',
} as const

/** JSON Schema of `ThreatTarget`. */
export const threatTargetSchema = {
  anyOf: [{ type: 'integer', minimum: 0, maximum: optionLimits.classes }, { enum: targetWords }],
  description:
    'a class number, "next", "least-likely", "random", or "given" (by the file `targets` of the ' +
    'data); the attacker wants this class, and an example is broken if it is predicted',
} as const

/** What targets follow from. */
export interface TargetRequest {
  readonly target: ThreatTarget
  /** `[n]`. */
  readonly labels: Int32Array
  readonly classes: number
  /** `[n]`: positions in the data set. */
  readonly positions: ArrayLike<number>
  /** `[n]`, for `given`. */
  readonly given?: Int32Array | undefined
  /** `[n]`, for `least-likely`: the class with the lowest logit at each input. */
  leastLikely(): Promise<Int32Array>
}

/**
 * The target of each example, `[n]`. It may be the label; such an example cannot be attacked.
 * @throws ConfigError ROBENCH_CONFIG for a target that is no class of the model, or a missing file
 */
export async function resolveTargets(request: TargetRequest): Promise<Int32Array> {
  const { target, labels, classes, positions, given } = request
  if (target === 'least-likely') return request.leastLikely()
  if (target === 'next') return labels.map((label) => (label + 1) % classes)
  if (target === 'random') {
    return labels.map((label, row) => {
      const drawn = randomStream('target', positions[row]!).integer(classes - 1)
      return drawn < label ? drawn : drawn + 1
    })
  }
  if (target === 'given' && !given) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      'target: "given" needs a file of targets (dataset.targets, or --target FILE)',
    )
  }
  const targets = target === 'given' ? given! : labels.map(() => target)
  const wrong = targets.find((value) => value >= classes)
  if (wrong === undefined) return targets
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `target: expected a class from 0 to ${classes - 1}, got ${wrong}`,
  )
}
