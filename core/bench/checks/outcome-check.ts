/** The contract of an outcome check, which only reads outcomes of attacks and costs no passes. */
import type { ErrorRecord } from '../../base/errors.ts'
import { robustAccuracy } from '../metrics/accuracy.ts'
import type { Outcomes } from '../metrics/accuracy.ts'
import type { AttackMeta, PluginOptions } from '../../plugin/contract.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import type { CheckDocumentation, Finding } from './check.ts'

interface CheckedIdentity {
  readonly name: string
  readonly plugin: string
  readonly options: PluginOptions
}

/** The part of a completed attack that outcome checks read. */
export interface CheckedAttack {
  readonly state: 'completed'
  readonly attack: CheckedIdentity
  readonly outcomes: Outcomes
  readonly stages?: readonly { readonly name: string; readonly outcomes: Outcomes }[]
  readonly silentSuccesses?: number
}

/** The part of a result's entry that outcome checks read. */
export interface CheckedEntry {
  readonly defense: {
    readonly model: { readonly sha256: string }
    /** From the model's card. */
    readonly training?: Readonly<Record<string, unknown>>
  }
  readonly dataset: {
    readonly id?: string
    readonly sha256: string
    readonly examples: number
    /** Likely mistakes in the data, in sentences. */
    readonly doubts?: readonly string[]
  }
  /** One character per example: `1` correct, `0` wrong. */
  readonly cleanOutcomes?: string
  readonly threatModel: ThreatModel
  readonly attacks: readonly (
    | CheckedAttack
    | { readonly state: 'failed'; readonly attack: CheckedIdentity; readonly error: ErrorRecord }
  )[]
}

/** Facts about an attack plugin for outcome checks. */
export interface AttackFacts extends Pick<AttackMeta, 'knowledge' | 'restricted'> {
  /** True if it attacks other models of the suite. */
  readonly surrogates?: boolean
  /** True if its option `stepSize` is the length of a step in the units of the inputs. */
  readonly statesSteps?: boolean
}

/** An entry, the entries of the same run, and their attack plugins. */
export interface OutcomeCheckContext {
  readonly entry: CheckedEntry
  /** Number of classes of the entry's model. */
  readonly classes?: number
  /** All entries of the run. */
  readonly entries: readonly CheckedEntry[]
  /** Facts of a plugin by id. Attacks of an unknown plugin (undefined) are ignored. */
  factsOf(plugin: string): AttackFacts | undefined
}

/** A check of the outcomes of one entry. */
export interface OutcomeCheck extends CheckDocumentation {
  readonly kind: 'outcome-check'
  check(context: OutcomeCheckContext): Finding
}

/** Declares an outcome check. Returns its argument; it exists for type inference. */
export function defineOutcomeCheck(outcomeCheck: OutcomeCheck): OutcomeCheck {
  return outcomeCheck
}

/** A completed attack, and the robust accuracy under it in [0, 1]. */
export interface AttackAccuracy {
  readonly name: string
  readonly plugin: string
  readonly options: PluginOptions
  readonly facts: AttackFacts
  readonly accuracy: number
  readonly attack: CheckedAttack
}

/** The robust accuracy under each completed attack whose plugin is known. */
export function attackAccuracies(context: OutcomeCheckContext): readonly AttackAccuracy[] {
  const known = counted.get(context) ?? countAccuracies(context)
  counted.set(context, known)
  return known
}

/** Several checks read the accuracies of one context. */
const counted = new WeakMap<OutcomeCheckContext, readonly AttackAccuracy[]>()

function countAccuracies({ entry, factsOf }: OutcomeCheckContext): AttackAccuracy[] {
  return completed(entry).flatMap((attack) => {
    const { name, plugin, options } = attack.attack
    const facts = factsOf(plugin)
    if (!facts) return []
    return [{ name, plugin, options, facts, accuracy: robustAccuracy(attack.outcomes), attack }]
  })
}

/** The completed attacks of an entry. */
export function completed({ attacks }: CheckedEntry): CheckedAttack[] {
  return attacks.filter((attack) => attack.state === 'completed')
}

/** The attack with the lowest accuracy. */
export function strongest(attacks: readonly AttackAccuracy[]): AttackAccuracy | undefined {
  return attacks.toSorted((a, b) => a.accuracy - b.accuracy)[0]
}

/** The white-box attacks on the model itself. */
export function whiteBoxAttacks(context: OutcomeCheckContext): AttackAccuracy[] {
  return attackAccuracies(context).filter(
    ({ facts }) => facts.knowledge === 'white-box' && !facts.surrogates,
  )
}

/** Whether it takes a single step: `fgsm`, or one with `steps: 1`. */
export function isOneStep({ plugin, options }: AttackAccuracy): boolean {
  return plugin === 'fgsm' || options['steps'] === 1
}

/** Why the failure of a white-box attack says little about gradients; undefined if it does. */
export function weaknessOf(attack: AttackAccuracy): string | undefined {
  if (attack.facts.restricted) return 'searches only a part of the ball'
  return isOneStep(attack) ? 'takes one step' : undefined
}

/**
 * The reason why white-box attacks cannot be compared with others: there is none, or all are weak.
 * Undefined if a strong one is among them.
 */
export function onlyWeak(white: readonly AttackAccuracy[]): string | undefined {
  if (white.some((attack) => weaknessOf(attack) === undefined)) return undefined
  const reasons = white.map((attack) => `${attack.name} ${weaknessOf(attack)}`)
  return `every white-box attack of the run is weak: ${reasons.join(', ')}`
}
