/** What an entry states must be what its own suite makes. */
import { canonicalJson } from '../core/base/hash.ts'
import { suiteThreatModel } from '../core/bench/suite/load.ts'
import { suiteAttacks } from '../core/bench/suite/matrix.ts'
import type { Suite } from '../core/bench/suite/schema.ts'
import { knownDataset } from './known-datasets.ts'
import type { LeaderboardEntry } from './entry-type.ts'

/** Where the entry and its suite differ, each with its position. Options are compared elsewhere. */
export function suiteDisagreements(entry: LeaderboardEntry, suite: Suite): string[] {
  const { run, defense, attacks } = entry
  const found = threatDisagreements(entry, suite)
  for (const key of ['id', 'title'] as const) {
    if (run.suite[key] !== suite[key]) {
      found.push(`/run/suite/${key}: the content has "${suite[key]}", got "${run.suite[key]}"`)
    }
  }
  const isInSuite = suite.defenses.some(
    ({ name, plugin, role }) =>
      name === defense.name && plugin === defense.plugin && role !== 'surrogate',
  )
  if (!isInSuite) {
    found.push(`/defense: the suite evaluates no "${defense.name}" of the plugin ${defense.plugin}`)
  }
  const plugins = new Set(suite.attacks.map(({ plugin }) => plugin))
  const named = suiteAttacks(suite).map(({ name, plugin }) => `${name} ${plugin}`)
  for (const [index, { name, plugin, version, seed }] of attacks.entries()) {
    const place = `/attacks/${index}`
    if (!plugins.has(plugin)) found.push(`${place}: the suite has no attack "${plugin}"`)
    else if (!named.includes(`${name} ${plugin}`)) {
      found.push(`${place}/name: the suite has no "${plugin}" of the name "${name}"`)
    }
    if (version < 1) found.push(`${place}/version: must be at least 1`)
    if (!suite.seeds.includes(seed)) {
      found.push(`${place}/seed: the suite has the seeds ${suite.seeds.join(', ')}, got ${seed}`)
    }
  }
  for (const plugin of plugins) {
    if (!attacks.some((attack) => attack.plugin === plugin)) {
      found.push(`/attacks: the suite has the attack "${plugin}", the entry does not`)
    }
  }
  return found
}

function threatDisagreements({ threatModel, dataset }: LeaderboardEntry, suite: Suite): string[] {
  const { norm, epsilon, transform, target, given, bounds } = threatModel
  const own = canonicalJson({ norm, transform, target, given, ...(!given && { epsilon }) })
  const isInSuite = suite.threatModels.some((_, index) => {
    const stated = suiteThreatModel(suite, index, 'suite')
    const { norm, epsilon, transform, target, given } = stated
    return canonicalJson({ norm, transform, target, given, ...(!given && { epsilon }) }) === own
  })
  const found = isInSuite ? [] : ['/run/suite/content: has no such threat model']
  // A description may state bounds, too; it is not in the entry.
  const stated = suite.dataset.bounds ?? (knownDataset(dataset.id) && [0, 1])
  if (stated && stated.join() !== bounds.join()) {
    found.push(`/threatModel/bounds: the pixels of the suite are in [${stated.join(', ')}]`)
  }
  return found
}
