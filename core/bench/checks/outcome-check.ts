/** What a comparison is: a check that only reads the outcomes of the attacks that were run. */
import type { ErrorRecord } from '../../base/errors.ts'
import { robustAccuracy } from '../metrics/accuracy.ts'
import type { Outcomes } from '../metrics/accuracy.ts'
import type { AttackMeta, PluginOptions } from '../../plugin/contract.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import type { CheckDocumentation, Finding } from './check.ts'

interface ComparedIdentity {
  readonly name: string
  readonly plugin: string
  readonly options: PluginOptions
}

export interface ComparedAttack {
  readonly state: 'completed'
  readonly attack: ComparedIdentity
  readonly outcomes: Outcomes
  readonly stages?: readonly { readonly name: string; readonly outcomes: Outcomes }[]
  readonly silentSuccesses?: number
}

/** The part of a result's entry that comparisons read. */
export interface ComparedEntry {
  readonly defense: { readonly model: { readonly sha256: string } }
  readonly dataset: { readonly sha256: string; readonly examples: number }
  readonly threatModel: ThreatModel
  readonly attacks: readonly (
    | ComparedAttack
    | { readonly state: 'failed'; readonly attack: ComparedIdentity; readonly error: ErrorRecord }
  )[]
}

/** What is to be known of an attack plugin. */
export type AttackFacts = Pick<AttackMeta, 'knowledge' | 'surrogates'>

export interface OutcomeCheckContext {
  readonly entry: ComparedEntry
  /** All entries of the run. */
  readonly entries: readonly ComparedEntry[]
  /** Of a plugin by its id; undefined for one that is not at hand: its attacks are left aside. */
  factsOf(plugin: string): AttackFacts | undefined
}

export interface OutcomeCheck extends CheckDocumentation {
  readonly kind: 'comparison'
  compare(context: OutcomeCheckContext): Finding
}

/** Declares a comparison; the identity, for its types. */
export function defineOutcomeCheck(comparison: OutcomeCheck): OutcomeCheck {
  return comparison
}

/** An attack and what it left, in [0, 1]. */
export interface Reached {
  readonly name: string
  readonly plugin: string
  readonly options: PluginOptions
  readonly facts: AttackFacts
  readonly accuracy: number
  readonly attack: ComparedAttack
}

/** What each completed attack of an entry reached, where its plugin is known. */
export function reached({ entry, factsOf }: OutcomeCheckContext): Reached[] {
  return completed(entry).flatMap((attack) => {
    const { name, plugin, options } = attack.attack
    const facts = factsOf(plugin)
    const accuracy = robustAccuracy(attack.outcomes)
    return facts ? [{ name, plugin, options, facts, accuracy, attack }] : []
  })
}

/** The attacks that came to an end. */
export function completed({ attacks }: ComparedEntry): ComparedAttack[] {
  return attacks.filter((attack) => attack.state === 'completed')
}

/** The one that left least. */
export function strongest(attacks: readonly Reached[]): Reached | undefined {
  return attacks.toSorted((a, b) => a.accuracy - b.accuracy)[0]
}

export { percent } from '../../base/figures.ts'
