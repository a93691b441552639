/** What an entry states must be what its own suite makes. */
import { canonicalJson } from '../core/base/hash.ts'
import { defaultDraws } from '../core/model/noise.ts'
import { suiteThreatModel } from '../core/bench/suite/suite-threat.ts'
import type { SuiteThreatModel } from '../core/bench/suite/suite-threat.ts'
import { suiteAttacks } from '../core/bench/suite/matrix.ts'
import type { Suite } from '../core/bench/suite/schema.ts'
import { knownDataset } from './known-datasets.ts'
import type { LeaderboardEntry } from './entry-type.ts'

/** Where the entry and its suite differ, each with its position. Options are compared elsewhere. */
export function suiteDisagreements(entry: LeaderboardEntry, suite: Suite): string[] {
  const { run, defense, attacks } = entry
  const found = [...threatDisagreements(entry, suite), ...publishedDisagreements(entry, suite)]
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
  if (defense.version < 1) found.push('/defense/version: must be at least 1')
  found.push(...attackDisagreements(attacks, suite))
  return found
}

/** Every attack of the suite is there, once for each seed, and no other. */
function attackDisagreements(attacks: LeaderboardEntry['attacks'], suite: Suite): string[] {
  const found: string[] = []
  const expected = suiteAttacks(suite)
  const wanted = suite.draws ?? defaultDraws
  const seen = new Set<string>()
  for (const [index, { name, plugin, version, seed, draws = wanted }] of attacks.entries()) {
    const place = `/attacks/${index}`
    if (!expected.some((one) => one.plugin === plugin)) {
      found.push(`${place}: the suite has no attack "${plugin}"`)
    } else if (!expected.some((one) => one.name === name && one.plugin === plugin)) {
      found.push(`${place}/name: the suite has no "${plugin}" of the name "${name}"`)
    }
    if (version < 1) found.push(`${place}/version: must be at least 1`)
    if (draws !== wanted) {
      found.push(`${place}/draws: must be those of the suite, ${wanted}; got ${draws}`)
    }
    if (!suite.seeds.includes(seed)) {
      found.push(`${place}/seed: the suite has the seeds ${suite.seeds.join(', ')}, got ${seed}`)
    }
    const key = `${name} ${seed}`
    if (seen.has(key)) found.push(`${place}: "${name}" with seed ${seed} is repeated`)
    seen.add(key)
  }
  for (const { name } of expected) {
    // Deterministic attacks run with the first seed only; `auditEntries` asks for the others.
    if (seen.has(`${name} ${suite.seeds[0]}`)) continue
    found.push(
      `/attacks: the suite has the attack "${name}" with seed ${suite.seeds[0]}, the entry does not`,
    )
  }
  return found
}

function threatDisagreements(
  { threatModel, dataset, attacks }: LeaderboardEntry,
  suite: Suite,
): string[] {
  const { norm, epsilon, transform, target, given, bounds } = threatModel
  const own = canonicalJson({ norm, transform, target, given, ...(!given && { epsilon }) })
  const row = suite.threatModels
    .map((_, index) => suiteThreatModel(suite, index, 'suite'))
    .find(({ norm, epsilon, transform, target, given }) => {
      return canonicalJson({ norm, transform, target, given, ...(!given && { epsilon }) }) === own
    })
  const found = row ? [] : ['/run/suite/content: has no such threat model']
  if (row) found.push(...curveDisagreements(attacks, row))
  // A description may state bounds, too; it is not in the entry.
  const stated = suite.dataset.bounds ?? (knownDataset(dataset.id) && [0, 1])
  if (stated && stated.join() !== bounds.join()) {
    found.push(`/threatModel/bounds: the pixels of the suite are in [${stated.join(', ')}]`)
  }
  return found
}

/** Curves are those of the suite: minimum-norm attacks alone may have one that it does not state. */
function curveDisagreements(
  attacks: LeaderboardEntry['attacks'],
  { epsilon, curve }: SuiteThreatModel,
): string[] {
  const sizes = [...new Set([epsilon, ...(curve ?? [])])].toSorted((a, b) => a - b)
  return attacks.flatMap((attack, at) => {
    const place = `/attacks/${at}/curve`
    if (!attack.curve) return curve ? [`${place}: is missing: the suite states one`] : []
    return attack.curve.epsilons.join() === sizes.join()
      ? []
      : [`${place}/epsilons: must be those of the suite, ${sizes.join(', ')}`]
  })
}

/** A published data set is read as it is, and its threat models are the same for everyone. */
function publishedDisagreements(
  { dataset, threatModel }: LeaderboardEntry,
  suite: Suite,
): string[] {
  if (!knownDataset(dataset.id)) return []
  const found: string[] = []
  const { bounds } = threatModel
  if (bounds.join() !== '0,1') {
    found.push(`/threatModel/bounds: of "${dataset.id}" must be [0, 1], got [${bounds.join(', ')}]`)
  }
  if (threatModel.given !== undefined || threatModel.target === 'given') {
    found.push('/threatModel: depends on a file of the submitter, so it is not ranked')
  }
  const others = Object.keys(suite.dataset).filter((key) => key !== 'id' && key !== 'bounds')
  if (others.length > 0) {
    found.push(`/run/suite/content/dataset: "${dataset.id}" needs no ${others.join(', ')}`)
  }
  return found
}
