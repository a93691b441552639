/**
 * Clean and robust accuracy, counted from per-example outcomes: the one place that defines them.
 */
import { ConfigError } from '../../base/errors.ts'

/**
 * Per-example outcomes as one character each, in the order of the data set: `w` misclassified
 * without attack, `r` robust (correct and unbroken), `b` broken.
 */
export type Outcomes = string

/** The characters of outcomes. */
const codes = { w: 0x77, r: 0x72, b: 0x62 } as const

/** Number of examples per outcome of one attack. The first three add up to `total`. */
export interface OutcomeCounts {
  /** Misclassified without attack. */
  readonly wrong: number
  /** Classified correctly and not broken. */
  readonly robust: number
  /** Classified correctly without attack, misclassified under it. */
  readonly broken: number
  readonly total: number
}

/**
 * Number of examples classified correctly without attack.
 * @throws ConfigError ROBENCH_DATA on any character but `0` and `1`.
 */
export function countCorrect(cleanOutcomes: string): number {
  let correct = 0
  for (let i = 0; i < cleanOutcomes.length; i++) {
    const outcome = cleanOutcomes[i]
    if (outcome === '1') correct++
    else if (outcome !== '0') throw unknownOutcome('clean outcomes', cleanOutcomes, i, '"0" or "1"')
  }
  return correct
}

/**
 * Counts the outcomes of one attack.
 * @throws ConfigError ROBENCH_DATA on any character but `w`, `r` and `b`.
 */
export function countOutcomes(outcomes: Outcomes): OutcomeCounts {
  let wrong = 0
  let robust = 0
  // Codes of characters: boards of thousands of entries count all of their outcomes.
  for (let i = 0; i < outcomes.length; i++) {
    const code = outcomes.charCodeAt(i)
    if (code === codes.w) wrong++
    else if (code === codes.r) robust++
    else if (code !== codes.b) throw unknownOutcome('outcomes', outcomes, i, '"w", "r" or "b"')
  }
  return { wrong, robust, broken: outcomes.length - wrong - robust, total: outcomes.length }
}

/**
 * Examples classified correctly without attack, over all examples.
 * @throws ConfigError ROBENCH_DATA if there are none.
 */
export function cleanAccuracy(cleanOutcomes: string): number {
  requireExamples(cleanOutcomes)
  return countCorrect(cleanOutcomes) / cleanOutcomes.length
}

/**
 * Examples classified correctly and not broken, over **all** examples.
 * @throws ConfigError ROBENCH_DATA if there are none.
 */
export function robustAccuracy(outcomes: Outcomes): number {
  requireExamples(outcomes)
  return countOutcomes(outcomes).robust / outcomes.length
}

/** Broken examples over **initially correct** ones; undefined if none was correct. */
export function attackSuccessRate(outcomes: Outcomes): number | undefined {
  const { robust, broken } = countOutcomes(outcomes)
  return robust + broken === 0 ? undefined : broken / (robust + broken)
}

/**
 * Outcomes of the strongest combination of attacks, per example: `b` if any attack broke it, `w` if
 * it was misclassified without attack, else `r`. Undefined without attacks.
 * @throws ConfigError ROBENCH_DATA if the attacks ran on different examples.
 */
export function worstCaseOutcomes(attacks: readonly Outcomes[]): Outcomes | undefined {
  const [first, ...others] = attacks
  if (first === undefined) return undefined
  const worst = Buffer.from(first, 'latin1')
  for (const [index, outcomes] of others.entries()) {
    requireSameExamples(first, outcomes, index + 1)
    for (let i = 0; i < worst.length; i++) {
      if (outcomes.charCodeAt(i) === codes.b) worst[i] = codes.b
    }
  }
  return worst.toString('latin1')
}

/**
 * Examples that are correct and broken by no attack, over all examples; undefined without attacks.
 * @throws ConfigError ROBENCH_DATA as `worstCaseOutcomes`.
 */
export function worstCaseRobustAccuracy(attacks: readonly Outcomes[]): number | undefined {
  const worst = worstCaseOutcomes(attacks)
  return worst === undefined ? undefined : robustAccuracy(worst)
}

/** Per attack, the number of examples that no other attack broke. */
export function brokenByOnlyOne(attacks: readonly Outcomes[]): number[] {
  const alone = attacks.map(() => 0)
  const examples = attacks[0]?.length ?? 0
  for (let i = 0; i < examples; i++) {
    let breakers = 0
    let last = 0
    for (let index = 0; index < attacks.length; index++) {
      if (attacks[index]![i] !== 'b') continue
      breakers++
      last = index
    }
    if (breakers === 1) alone[last]!++
  }
  return alone
}

function requireExamples(outcomes: string): void {
  if (outcomes.length > 0) return
  throw new ConfigError(
    'ROBENCH_DATA',
    'outcomes: expected one character per example, got none; ' +
      'the accuracy over zero examples is undefined',
  )
}

function requireSameExamples(first: Outcomes, other: Outcomes, index: number): void {
  if (other.length !== first.length) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `outcomes of attack ${index}: expected ${first.length} examples as in attack 0, got ` +
        `${other.length}; ` +
        'all attacks of an entry must run on the same examples',
    )
  }
  for (let i = 0; i < first.length; i++) {
    if ((first.charCodeAt(i) === codes.w) === (other.charCodeAt(i) === codes.w)) continue
    throw new ConfigError(
      'ROBENCH_DATA',
      `outcomes of attack ${index}: example ${i} is "${other[i]}" but "${first[i]}" in attack 0; ` +
        'an example is misclassified without attack in all outcomes or in none',
    )
  }
}

function unknownOutcome(what: string, text: string, at: number, expected: string): ConfigError {
  return new ConfigError(
    'ROBENCH_DATA',
    `${what}: expected ${expected} for example ${at}, got ${JSON.stringify(text[at])}; the ` +
      'result file is damaged',
  )
}
