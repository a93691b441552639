/**
 * Supplements: entries without the reference attacks of their table, which add further attacks to
 * another entry of their model.
 */
import { canonicalJson } from '../core/base/hash.ts'
import type { PluginOptions } from '../core/plugin/contract.ts'
import { resolveOptions } from '../core/plugin/options.ts'
import type { PluginRegistry } from '../core/plugin/registry.ts'
import type { NamedEntry } from './between-entries.ts'
import { entryLocation } from './entry.ts'
import type { EntryAttack, LeaderboardEntry } from './entry-type.ts'
import { isReferenceStrength, missingReference } from './reference-set.ts'

/** What entries lack of the reference attacks of their tables. Those that lack none are absent. */
type MissingReferences = ReadonlyMap<LeaderboardEntry, string>

/** Looks for the reference attacks of entries, with the budgets that they have by default. */
export async function missingReferences(
  entries: readonly LeaderboardEntry[],
  registry: PluginRegistry,
): Promise<MissingReferences> {
  const defaults = await defaultsOf(entries, registry)
  const isStrong = (attack: EntryAttack): boolean => {
    const usual = attack.package === undefined ? defaults.get(attack.plugin) : undefined
    return usual !== undefined && isReferenceStrength(attack, usual)
  }
  return new Map(
    entries.flatMap((entry) => {
      const missing = missingReference(entry, isStrong)
      return missing === undefined ? [] : [[entry, missing] as const]
    }),
  )
}

/** Locations of the entries that supplement another one among them. */
export async function findSupplements(
  entries: readonly LeaderboardEntry[],
  registry: PluginRegistry,
): Promise<ReadonlySet<string>> {
  const missing = await missingReferences(entries, registry)
  const complete = completeKeys(entries, missing)
  const found = [...missing.keys()].filter((entry) => complete.has(evaluationKey(entry)))
  return new Set(found.map(entryLocation))
}

/** Resolved options of the built-in attacks of the entries, without options, by id. */
async function defaultsOf(
  entries: readonly LeaderboardEntry[],
  registry: PluginRegistry,
): Promise<Map<string, PluginOptions>> {
  const found = new Map<string, PluginOptions>()
  const known = new Set(registry.ids('attack'))
  const used = new Set(entries.flatMap(({ attacks }) => attacks.map(({ plugin }) => plugin)))
  for (const plugin of used) {
    if (!known.has(plugin)) continue
    const { meta } = await registry.get('attack', plugin)
    try {
      found.set(plugin, resolveOptions(meta, {}, ''))
    } catch {
      // An attack with a required option, such as a corruption.
      found.set(plugin, {})
    }
  }
  return found
}

/** Supplements without an entry that has the reference attacks, each with its file. */
export function supplementObjections(
  entries: readonly NamedEntry[],
  missing: MissingReferences,
): string[] {
  const complete = completeKeys(
    entries.map(({ entry }) => entry),
    missing,
  )
  return entries.flatMap(({ entry, label }) => {
    const wanted = missing.get(entry)
    return wanted === undefined || complete.has(evaluationKey(entry))
      ? []
      : [
          `${label}#/attacks: must contain ${wanted}, or supplement an entry that does; there is ` +
            'none of the same model file, data, and threat model. Add these attacks to the suite ' +
            'and run it again, or add the entry that it supplements first',
        ]
  })
}

function completeKeys(
  entries: readonly LeaderboardEntry[],
  missing: MissingReferences,
): ReadonlySet<string> {
  return new Set(entries.filter((entry) => !missing.has(entry)).map(evaluationKey))
}

/** The model, data, and threat model of an entry: what a supplement shares with its entry. */
function evaluationKey({ model, dataset, threatModel }: LeaderboardEntry): string {
  return canonicalJson([model.sha256, dataset.id, dataset.sha256, threatModel])
}
