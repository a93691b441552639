/** Accuracy on corrupted images as a matrix: a row for each corruption, a column for each severity, and the means. */
import { canonicalJson } from '../../core/base/hash.ts'
import type { PluginOptions } from '../../core/plugin/contract.ts'
import { benchmarkCorruptions } from '../../core/threat/corruption-ids.ts'
import type { Proportion } from './proportion.ts'

/** An attack of the plugin `corruption`; results and leaderboard entries both have such. */
export interface CorruptionAttack {
  readonly plugin: string
  readonly version: number
  readonly options: PluginOptions
}

/** What one corruption at one severity came to. */
export interface CorruptionFinding {
  readonly attack: CorruptionAttack
  readonly seed: number
  /** Correct on the corrupted images, of all examples; absent if the attack failed. */
  readonly accuracy?: Proportion
}

export interface CorruptionRow {
  readonly corruption: string
  /** True if it is one of the 15 that count. */
  readonly benchmark: boolean
  /** By severity: undefined where it was not run, `failed` where it has no figure. */
  readonly cells: readonly (Proportion | 'failed' | undefined)[]
  /** Over all severities; absent if one has no figure. */
  readonly mean?: number
}

/** A mean over some of the benchmark's corruptions, each counting the same. */
export interface CorruptionMean {
  /** `mean of all 15`, `mean of 14 without frost`. */
  readonly label: string
  /** By severity; undefined if a corruption has no figure there. */
  readonly bySeverity: readonly (number | undefined)[]
  readonly overall?: number
}

/** All corruptions that were run alike: the same seed, version and other options. */
export interface CorruptionMatrix {
  readonly version: number
  readonly seed: number
  /** Those beside corruption and severity. */
  readonly options: PluginOptions
  /** Ascending. */
  readonly severities: readonly number[]
  /** The benchmark's in its order, then others in the order of the suite. */
  readonly rows: readonly CorruptionRow[]
  /** The first is over all of the benchmark's that were run; none if no such was. */
  readonly means: readonly CorruptionMean[]
  /** True if a row is procedural frost, which cannot be compared with published figures. */
  readonly frost: boolean
}

/** Whether an attack belongs in a matrix: told by plugin and options, never by its name. */
export function isCorruption({ plugin, options }: CorruptionAttack): boolean {
  const { corruption, severity } = options
  return plugin === 'corruption' && typeof corruption === 'string' && Number.isInteger(severity)
}

/** The matrices of an entry: one, unless it was run with several seeds or other options. Findings that are no corruptions are left out. */
export function corruptionMatrices(findings: readonly CorruptionFinding[]): CorruptionMatrix[] {
  const groups = new Map<string, CorruptionFinding[]>()
  for (const finding of findings) {
    if (!isCorruption(finding.attack)) continue
    const key = canonicalJson([finding.seed, finding.attack.version, sharedOptions(finding)])
    const group = groups.get(key)
    if (group) group.push(finding)
    else groups.set(key, [finding])
  }
  return [...groups.values()].map(matrixOf)
}

/** The headline of an entry: the mean over the benchmark's corruptions in its first matrix; −1, below all others, if there is none. */
export function corruptionMean(matrices: readonly CorruptionMatrix[] = []): number {
  return matrices[0]?.means[0]?.overall ?? -1
}

function matrixOf(findings: readonly CorruptionFinding[]): CorruptionMatrix {
  // A group is made with its first finding, so there is one.
  const first = findings[0] as CorruptionFinding
  const severities = [...new Set(findings.map(severityOf))].toSorted((a, b) => a - b)
  const names = [...new Set(findings.map(nameOf))]
  const known: readonly string[] = benchmarkCorruptions
  const counted = known.filter((name) => names.includes(name))
  const others = names.filter((name) => !known.includes(name))
  const rows = [...counted, ...others].map((corruption): CorruptionRow => {
    const cells = severities.map((severity) => {
      const finding = findings.find(
        (one) => nameOf(one) === corruption && severityOf(one) === severity,
      )
      return finding && (finding.accuracy ?? 'failed')
    })
    const mean = meanOf(cells.map(fractionOf))
    return {
      corruption,
      benchmark: known.includes(corruption),
      cells,
      ...(mean !== undefined && { mean }),
    }
  })
  const frost = names.includes('frost')
  const benchmark = rows.slice(0, counted.length)
  const comparable = benchmark.filter(({ corruption }) => corruption !== 'frost')
  const share = counted.length === known.length ? `all ${known.length}` : `${counted.length}`
  return {
    version: first.attack.version,
    seed: first.seed,
    options: sharedOptions(first),
    severities,
    rows,
    means: [
      ...(benchmark.length > 0 ? [meanOfRows(`mean of ${share}`, benchmark)] : []),
      ...(frost && comparable.length > 0
        ? [meanOfRows(`mean of ${comparable.length} without frost`, comparable)]
        : []),
    ],
    frost,
  }
}

function meanOfRows(label: string, rows: readonly CorruptionRow[]): CorruptionMean {
  const severities = rows[0]?.cells ?? []
  const overall = meanOf(rows.map(({ mean }) => mean))
  return {
    label,
    bySeverity: severities.map((_, place) =>
      meanOf(rows.map(({ cells }) => fractionOf(cells[place]))),
    ),
    ...(overall !== undefined && { overall }),
  }
}

/** Undefined if a value is missing: a mean over fewer would look like one over all. */
function meanOf(values: readonly (number | undefined)[]): number | undefined {
  let sum = 0
  for (const value of values) {
    if (value === undefined) return undefined
    sum += value
  }
  return sum / values.length
}

function fractionOf(cell: Proportion | 'failed' | undefined): number | undefined {
  return typeof cell === 'object' ? cell.fraction : undefined
}

function nameOf({ attack }: CorruptionFinding): string {
  return String(attack.options['corruption'])
}

function severityOf({ attack }: CorruptionFinding): number {
  return Number(attack.options['severity'])
}

function sharedOptions({ attack }: CorruptionFinding): PluginOptions {
  const { corruption: _corruption, severity: _severity, ...others } = attack.options
  return others
}
