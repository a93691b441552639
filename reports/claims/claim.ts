/** A claim of a paper as a record that selects the measurements which test it. */
import type { PluginSource } from '../../core/api/plugin.ts'

/** A condition on one option. */
export type OptionTest =
  | { readonly is: unknown }
  | { readonly oneOf: readonly unknown[] }
  | { readonly above: number }
  | { readonly length: number }
  | { readonly longerThan: number }
  /** With `ifSet`, attacks without the option pass. */
  | { readonly includes: unknown; readonly ifSet?: true }

/** Conditions on options by name; options without one may have any value. */
export type OptionTests = Readonly<Record<string, OptionTest>>

/** Selects the rows of a defense. */
export interface DefenseSelector {
  /** Short name in the table, such as `DAT without D_JS`. */
  readonly label: string
  /** Id of the defense plugin; `base` is the model that the row of the other side protects. */
  readonly plugin: string
  readonly options?: OptionTests
}

/** Selects attacks. */
export interface AttackSelector {
  /** Short name in the table, such as `PGD-20`. */
  readonly label: string
  /** Ids of attack plugins. */
  readonly plugins: readonly string[]
  readonly options?: OptionTests
  /**
   * Takes the outcomes after the first of these stages that the attack ran, in this order; those of
   * the whole attack if it ran none of them. Outcomes after a stage include the stages before it.
   */
  readonly stages?: readonly string[]
  /**
   * `strongest` takes the attack that leaves the fewest robust examples; `union` counts an example
   * as broken if any of them breaks it, and requires each of `plugins`. Default: `strongest`.
   */
  readonly combine?: 'strongest' | 'union'
}

/** One side of a comparison: the defenses and the attacks. */
export interface Side {
  readonly defense: DefenseSelector
  readonly attack: AttackSelector
}

/**
 * What the rows of both sides must share, in addition to data, examples, and threat model:
 * - `row`: the model itself; the sides differ in the attack
 * - `network`: the option `network`; the attacks have equal options
 * - `options`: all options but those in `varied`; the attacks have equal options
 * - `base`: the lower side is the model that the higher side protects; the attacks have equal
 *   options
 * - `transfer`: as `base`; the attack of the lower side is the one that the higher side's attack
 *   runs on the base
 */
export type Pairing = 'row' | 'network' | 'options' | 'base' | 'transfer'

/** A claim that one accuracy is higher than another. */
export interface Claim {
  /** kebab-case, unique. */
  readonly id: string
  /** One sentence with a period. */
  readonly statement: string
  readonly source: PluginSource
  /** Place in the source: `table 4`; or what the claim is inferred from. */
  readonly place: string
  /** The side with the higher robust accuracy according to the claim. */
  readonly higher: Side
  readonly lower: Side
  readonly pairing: Pairing
  /** For `options`: the options that the ablation may change. */
  readonly varied?: readonly string[]
  /** The kind of transform of the threat model; default: none. */
  readonly transform?: 'attribute' | 'exchange'
}

/** Whether options satisfy all tests. */
export function matchesOptions(
  options: Readonly<Record<string, unknown>>,
  tests?: OptionTests,
): boolean {
  return Object.keys(unmetTests(options, tests)).length === 0
}

/** The tests that options do not satisfy. */
export function unmetTests(
  options: Readonly<Record<string, unknown>>,
  tests: OptionTests = {},
): OptionTests {
  const unmet = Object.entries(tests).filter(([name, test]) => !passes(options[name], test))
  return Object.fromEntries(unmet)
}

function passes(value: unknown, test: OptionTest): boolean {
  if ('is' in test) return value === test.is
  if ('oneOf' in test) return test.oneOf.includes(value)
  if ('above' in test) return typeof value === 'number' && value > test.above
  if ('includes' in test && test.ifSet && value === undefined) return true
  if (!Array.isArray(value)) return false
  if ('length' in test) return value.length === test.length
  if ('longerThan' in test) return value.length > test.longerThan
  return value.includes(test.includes)
}

/** Tests as text: `steps = 20, loss = margin`. */
export function describeTests(tests: OptionTests = {}): string {
  return Object.entries(tests)
    .map(([name, test]) => `${name} ${describeTest(test)}`)
    .join(', ')
}

function describeTest(test: OptionTest): string {
  if ('is' in test) return `= ${String(test.is)}`
  if ('oneOf' in test) return `= ${test.oneOf.join(' or ')}`
  if ('above' in test) return `> ${test.above}`
  if ('length' in test) return `of length ${test.length}`
  if ('longerThan' in test) return `of length > ${test.longerThan}`
  return `containing ${String(test.includes)}`
}
