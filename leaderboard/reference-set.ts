/** The reference attacks of a threat model: the columns of its table. */
import type { ThreatModel } from '../core/threat/threat-model.ts'
import type { EntryAttack, LeaderboardEntry } from './entry-type.ts'

/** Sets of plugins, of which an entry that opens a row has met one in full. */
export type ReferenceSets = readonly (readonly string[])[]

/** For what AutoAttack does not cover. */
const instead = ['apgd-ce', 'apgd-t', 'square'] as const

/**
 * The reference sets of a threat model. AutoAttack covers plain balls in Linf, L2, and L1. Where
 * the image may be transformed, the reference is the search over that transform, and with a ball
 * around it AutoAttack or what stands for it counts in its place only together with that search.
 */
export function referenceSets({ norm, transform }: ThreatModel): ReferenceSets {
  switch (transform?.kind) {
    case undefined:
      return norm === 'L0' ? [['sparse-pgd', 'sigma-zero']] : [['autoattack'], instead]
    case 'attribute':
      return [['spa'], ['spatial', ...instead]]
    case 'amplitude':
      return [['amplitude-mix']]
    case 'corruption':
      return [['corruption']]
    default:
      return []
  }
}

/** Plugins of all reference sets of a threat model, in the order of the board's columns. */
export function referencePlugins(threatModel: ThreatModel): string[] {
  return [...new Set(referenceSets(threatModel).flat())]
}

/** The options in which a larger number makes an attack stronger. */
const budgets = ['steps', 'restarts', 'targets', 'queries', 'samples', 'searchSteps']

/** Options of AutoAttack that are reference budgets. */
const versions = ['standard', 'plus']

/**
 * Whether an attack is as strong as its default options make it.
 * @param defaults resolved options of an attack without options
 */
export function isReferenceStrength(
  { plugin, options, draws }: Pick<EntryAttack, 'plugin' | 'options' | 'draws'>,
  defaults: Readonly<Record<string, unknown>>,
): boolean {
  if (plugin === 'corruption') return true
  if (plugin === 'autoattack') {
    const wanted = draws === undefined ? versions : ['rand']
    return wanted.includes(String(options['version']))
  }
  return Object.entries({ ...defaults, ...options }).every(([name, value]) => {
    const usual = defaults[name]
    if (budgets.includes(name) && typeof value === 'number' && typeof usual === 'number') {
      return value >= usual
    }
    return JSON.stringify(value) === JSON.stringify(usual)
  })
}

/** Corruptions and severities that an entry must have: 15 × 5. */
const corruptionCount = 75

/** What the rules object to in a threat model without reference attacks. */
export function diagnosticObjections({ threatModel }: LeaderboardEntry): string[] {
  return referenceSets(threatModel).length > 0
    ? []
    : [`/threatModel/transform: "${threatModel.transform?.kind}" is a diagnostic, not ranked`]
}

/**
 * The reference attacks that an entry lacks, as `must contain` continues; undefined if it has them.
 * @param isStrong whether an attack counts
 */
export function missingReference(
  { threatModel, attacks }: LeaderboardEntry,
  isStrong: (attack: EntryAttack) => boolean,
): string | undefined {
  const sets = referenceSets(threatModel)
  const met = new Set(attacks.filter(isStrong).map(({ plugin }) => plugin))
  const isComplete = sets.some((plugins) => plugins.every((plugin) => met.has(plugin)))
  if (!isComplete) {
    const wanted = sets.map((plugins) => plugins.join(' + ')).join(', or ')
    return `${wanted}, with default or larger budgets`
  }
  const options = attacks.map((attack) => JSON.stringify(attack.options))
  const corruptions = new Set(options.filter((_, at) => attacks[at]!.plugin === 'corruption')).size
  return threatModel.transform?.kind === 'corruption' && corruptions < corruptionCount
    ? `all ${corruptionCount} corruptions and severities, not ${corruptions}`
    : undefined
}
