/** Rules for entries that need the plugins: options, versions, passes, and checks of outcomes. */
import { canonicalJson } from '../core/base/hash.ts'
import { ConfigError } from '../core/base/errors.ts'
import { requireFit } from '../core/bench/plan/attack-fit.ts'
import { attackCost, chooseAttack } from '../core/bench/plan/resolve-attacks.ts'
import { statesSteps } from '../core/bench/plan/step-sizes.ts'
import { suiteAttacks } from '../core/bench/suite/matrix.ts'
import type { Suite } from '../core/bench/suite/schema.ts'
import type { AttackFacts } from '../core/bench/checks/outcome-check.ts'
import { shardsOf } from '../core/bench/plan/cell.ts'
import { loadRegistry } from '../core/plugin/load.ts'
import type { PluginOptions } from '../core/plugin/contract.ts'
import { optionWithRole } from '../core/plugin/option-roles.ts'
import { resolveOptions } from '../core/plugin/options.ts'
import type { PluginRegistry } from '../core/plugin/registry.ts'
import type { ChosenAttack } from '../core/plugin/wrapped-attack.ts'
import { disagreements } from './between-entries.ts'
import type { NamedEntry } from './between-entries.ts'
import type { EntryAttack, LeaderboardEntry } from './entry-type.ts'
import { publicRules } from './known-datasets.ts'
import type { BoardRules } from './known-datasets.ts'
import { repeatedChecks } from './repeated-checks.ts'
import { missingReferences, supplementObjections } from './supplements.ts'

/** The part of the planned passes that a robust example takes at least: see `passObjections`. */
const leastShare = 0.98

/** Attacks that take all of their planned passes for each example that stays robust. */
const exactCosts = ['fgsm', 'pgd', 'apgd-ce', 'apgd-dlr', 'apgd-t', 'autoattack', 'square']

/** Entries of a board, checked. */
export interface AuditedEntries {
  /** Those without the reference attacks of their table, which supplement another entry. */
  readonly supplements: ReadonlySet<LeaderboardEntry>
}

/**
 * Checks entries against the built-in plugins and each other. `checkEntry` has accepted them.
 * @param rules data sets that the board takes; default: published ones
 * @param present entries that are on the board already: nothing in them is objected to
 * @throws ConfigError ROBENCH_DATA with one line per problem of the first entry that has any, or per
 *   contradiction between entries
 */
export async function auditEntries(
  entries: readonly NamedEntry[],
  rules: BoardRules = publicRules,
  present: readonly NamedEntry[] = [],
): Promise<AuditedEntries> {
  const registry = await loadRegistry()
  for (const { entry, label } of entries) await refuseObjections(entry, label, registry, rules)
  const all = [...present, ...entries]
  const missing = await missingReferences(
    all.map(({ entry }) => entry),
    registry,
  )
  const between = [...supplementObjections(all, missing), ...disagreements(all)].filter((line) =>
    entries.some(({ label }) => line.startsWith(`${label}#`)),
  )
  if (between.length > 0) throw new ConfigError('ROBENCH_DATA', between.join('\n'))
  return { supplements: new Set(missing.keys()) }
}

/**
 * Checks an entry against the built-in plugins, without the entry that it may supplement.
 * @throws ConfigError ROBENCH_DATA with one line per problem
 */
export async function auditAlone(
  entry: LeaderboardEntry,
  label: string,
  rules: BoardRules = publicRules,
): Promise<void> {
  await refuseObjections(entry, label, await loadRegistry(), rules)
}

async function refuseObjections(
  entry: LeaderboardEntry,
  label: string,
  registry: PluginRegistry,
  rules: BoardRules,
): Promise<void> {
  const found = await auditEntry(entry, registry, rules)
  if (found.length === 0) return
  throw new ConfigError('ROBENCH_DATA', found.map((text) => `${label}#${text}`).join('\n'))
}

/** What the plugins object to, each with its position. */
async function auditEntry(
  entry: LeaderboardEntry,
  registry: PluginRegistry,
  rules: BoardRules,
): Promise<string[]> {
  // Of a described data set that was not given, the number of classes is not known.
  const classes = rules.datasetOf(entry.dataset.id)?.classes
  // `checkEntry` has accepted the suite.
  const suite = entry.run.suite.content as unknown as Suite
  const found: string[] = [...(await defenseObjections(entry, suite, registry))]
  const facts = new Map<string, AttackFacts>()
  for (const [index, attack] of entry.attacks.entries()) {
    const place = `/attacks/${index}`
    const provider = attack.package
    if (attack.name !== attack.plugin && registry.ids('attack').includes(attack.name)) {
      found.push(`${place}/name: "${attack.name}" is the name of another attack of robench`)
    }
    if (provider !== undefined) {
      found.push(...providerObjections(provider, entry, place))
      if (registry.ids('attack').includes(attack.plugin)) {
        found.push(`${place}/plugin: "${attack.plugin}" is built in, not of "${provider}"`)
      }
      const stated = suiteAttacks(suite).find(({ name }) => name === attack.name)
      found.push(...foreignOptions(stated?.options, attack.options, `${place}/options`))
      continue
    }
    const chosen = await chosenAttack(attack, registry)
    if (typeof chosen === 'string') {
      found.push(`${place}: ${chosen}`)
      continue
    }
    if (!(await isOfSuite(attack, suite, registry))) {
      found.push(`${place}/options: the suite has no "${attack.name}" with these options`)
    }
    const { meta } = chosen.plugin
    found.push(...fitObjections(chosen, entry, place), ...seedObjections(chosen, attack, entry))
    facts.set(meta.id, {
      knowledge: meta.knowledge,
      surrogates: optionWithRole(meta, 'models') !== undefined,
      ...(meta.restricted && { restricted: true }),
      ...(statesSteps(meta) && { statesSteps: true }),
    })
    if (attack.version > meta.version) {
      found.push(`${place}/version: ${attack.version} is newer than "${meta.id}", ${meta.version}`)
    }
    if (classes !== undefined) {
      found.push(...(await passObjections(registry, entry, attack, { chosen, classes }, place)))
    }
  }
  return found.length > 0 ? found : repeatedChecks(entry, suite, facts, classes)
}

async function defenseObjections(
  entry: LeaderboardEntry,
  suite: Suite,
  registry: PluginRegistry,
): Promise<string[]> {
  const { plugin, version, options, package: provider, name } = entry.defense
  const stated = suite.defenses.find((defense) => defense.name === name)
  if (provider !== undefined) {
    const isBuiltIn = registry.ids('defense').includes(plugin)
    return [
      ...foreignOptions(stated?.options, options, '/defense/options'),
      ...providerObjections(provider, entry, '/defense'),
      ...(isBuiltIn ? [`/defense/plugin: "${plugin}" is built in, not of "${provider}"`] : []),
    ]
  }
  try {
    const { meta } = await registry.get('defense', plugin)
    // With today's defaults on both sides: an option that was added later is in neither.
    const given = resolveOptions(meta, options, '/defense/options')
    const own = resolveOptions(meta, stated?.options ?? {}, '/run/suite/content/defenses')
    return [
      ...(version > meta.version
        ? [`/defense/version: ${version} is newer than "${plugin}", ${meta.version}`]
        : []),
      ...(canonicalJson(own) === canonicalJson(given)
        ? []
        : [`/defense/options: must be those of the suite, ${canonicalJson(own)}`]),
    ]
  } catch (error) {
    return [`/defense: ${error instanceof Error ? error.message : String(error)}`]
  }
}

/**
 * Where options of a plugin of another package are not those that the suite states. The others have
 * their defaults, which only the package knows.
 */
function foreignOptions(
  stated: PluginOptions = {},
  options: PluginOptions,
  place: string,
): string[] {
  return Object.entries(stated).flatMap(([name, value]) => {
    const got = options[name]
    return isStated(value, got)
      ? []
      : [
          `${place}/${name}: must be that of the suite, ${canonicalJson(value)}; got ` +
            (got === undefined ? 'none' : canonicalJson(got)),
        ]
  })
}

/** Whether an option has the stated value. Of nested options, those that are stated count. */
function isStated(stated: unknown, got: unknown): boolean {
  const isRecord = typeof stated === 'object' && stated !== null && !Array.isArray(stated)
  if (!isRecord || typeof got !== 'object' || got === null) {
    return got !== undefined && canonicalJson(stated) === canonicalJson(got)
  }
  return Object.entries(stated).every(([key, part]) => isStated(part, Reflect.get(got, key)))
}

/** A package is one of the suite's; robench names itself nowhere. */
function providerObjections(provider: string, { run }: LeaderboardEntry, place: string): string[] {
  return run.packages.slice(1).some(({ name }) => name === provider)
    ? []
    : [`${place}/package: "${provider}" is not in run.packages`]
}

/** What no run does: an attack under a norm, a target, or a transform that it does not support. */
function fitObjections(
  chosen: ChosenAttack,
  { threatModel }: LeaderboardEntry,
  place: string,
): string[] {
  try {
    requireFit(chosen, threatModel, place)
    return []
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)]
  }
}

/** A deterministic attack runs with the first seed only, one with random numbers with each. */
function seedObjections(
  { plugin, inner }: ChosenAttack,
  { name, seed }: EntryAttack,
  { attacks, run }: LeaderboardEntry,
): string[] {
  const { seeds } = run.suite.content as unknown as Suite
  const isStochastic = plugin.meta.stochastic || inner?.plugin.meta.stochastic === true
  if (!isStochastic) {
    return seed === seeds[0]
      ? []
      : [`/attacks: "${name}" is deterministic, but has the seed ${seed}`]
  }
  const own = attacks.filter((attack) => attack.name === name).map((attack) => attack.seed)
  const missing = seeds.filter((one) => !own.includes(one))
  return missing.length === 0 || seed !== seeds[0]
    ? []
    : [
        `/attacks: "${name}" must be there with each seed of the suite, not without ${missing.join(', ')}`,
      ]
}

/** Whether the suite states the attack of that name with the options that the entry has. */
async function isOfSuite(
  { name, plugin, options }: EntryAttack,
  suite: Suite,
  registry: PluginRegistry,
): Promise<boolean> {
  const own = canonicalJson(options)
  for (const stated of suiteAttacks(suite)) {
    if (stated.plugin !== plugin || stated.name !== name) continue
    const chosen = await chooseAttack(registry, stated, '').catch(() => undefined)
    if (chosen && canonicalJson(chosen.options) === own) return true
  }
  return false
}

/** The attack with its resolved options, or what is wrong with them. */
async function chosenAttack(
  { plugin, options }: EntryAttack,
  registry: PluginRegistry,
): Promise<ChosenAttack | string> {
  try {
    const { meta } = await registry.get('attack', plugin)
    const chosen = await chooseAttack(
      registry,
      { plugin, options: statedOptions(meta, options) },
      '',
    )
    return canonicalJson(chosen.options) === canonicalJson(options)
      ? chosen
      : `options must be complete: ${canonicalJson(chosen.options)}`
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^: ?/, '') : String(error)
  }
}

/** Options as a suite states them: without the version of a wrapped attack. */
function statedOptions(
  meta: Parameters<typeof optionWithRole>[0],
  options: PluginOptions,
): PluginOptions {
  const wrapped = optionWithRole(meta, 'attack')
  const inner: unknown = wrapped === undefined ? undefined : options[wrapped]
  if (wrapped === undefined || typeof inner !== 'object' || inner === null) return options
  const { id, options: given } = inner as { readonly id?: unknown; readonly options?: unknown }
  return { ...options, [wrapped]: { id, options: given } }
}

/**
 * Passes that the attack cannot have made: more than planned for all examples that it was given, or
 * less than it takes for those that stayed robust.
 */
async function passObjections(
  registry: PluginRegistry,
  entry: LeaderboardEntry,
  attack: EntryAttack,
  { chosen, classes }: { readonly chosen: ChosenAttack; readonly classes: number },
  place: string,
): Promise<string[]> {
  const { threatModel, dataset, clean } = entry
  const cost = await attackCost(registry, chosen, classes, threatModel.norm)
  const units = shardsOf(dataset.examples).length
  const balls = attack.curve ? attack.curve.epsilons.length : 1
  const given = attack.corrupted === undefined ? clean.correct : dataset.examples
  const least = exactCosts.includes(attack.plugin) ? leastShare * attack.robust : 0
  const found: string[] = []
  const directions = [
    ['forward', attack.forwardPasses],
    ['backward', attack.backwardPasses],
  ] as const
  for (const [direction, stated] of directions) {
    const setup = (cost.setup?.[direction] ?? 0) * units * balls
    const most = Math.ceil(cost[direction] * given * balls + setup)
    const fewest = Math.floor(least * cost[direction])
    if (stated <= most && stated >= fewest) continue
    found.push(
      `${place}/${direction}Passes: "${attack.plugin}" takes ${fewest} to ${most} passes for ` +
        `${given} examples of which ${attack.robust} stay robust, got ${stated}`,
    )
  }
  // Even an example that falls at once takes one pass.
  const spent = attack.forwardPasses + attack.backwardPasses
  if (spent < attack.robust + attack.broken) {
    found.push(
      `${place}/forwardPasses: "${attack.plugin}" takes at least one pass for each of ` +
        `${attack.robust + attack.broken} examples, got ${spent} forward and backward`,
    )
  }
  return found
}
