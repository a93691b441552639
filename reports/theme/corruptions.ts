/** Accuracy on corrupted images as a matrix: corruptions by severities, with means. */
import { canonicalJson } from '../../core/base/hash.ts'
import type { PluginOptions } from '../../core/plugin/contract.ts'
import { benchmarkCorruptions } from '../../core/threat/corruption-ids.ts'
import type { Proportion } from './proportion.ts'

/** An attack of the plugin `corruption`, in a result or a leaderboard entry. */
export interface CorruptionAttack {
  readonly plugin: string
  readonly version: number
  readonly options: PluginOptions
}

/** The result of one corruption at one severity. */
export interface CorruptionFinding {
  readonly attack: CorruptionAttack
  readonly seed: number
  /** Correct on the corrupted images, out of all examples; absent if the attack failed. */
  readonly accuracy?: Proportion
}

/** One corruption at all severities. */
export interface CorruptionRow {
  readonly corruption: string
  /** True if it is one of the 15 benchmark corruptions. */
  readonly benchmark: boolean
  /** By severity; undefined where the corruption was not run. */
  readonly cells: readonly (Proportion | 'failed' | undefined)[]
  /** Over all severities; absent if one is missing or failed. */
  readonly mean?: number
}

/** An unweighted mean over some of the benchmark corruptions. */
export interface CorruptionMean {
  /** `mean of all 15`, `mean of 14 without frost`. */
  readonly label: string
  /** By severity; undefined if a corruption is missing or failed there. */
  readonly bySeverity: readonly (number | undefined)[]
  readonly overall?: number
}

/** Corruptions with the same seed, plugin version, and other options. */
export interface CorruptionMatrix {
  readonly version: number
  readonly seed: number
  /** All options except `corruption` and `severity`. */
  readonly options: PluginOptions
  /** Ascending. */
  readonly severities: readonly number[]
  /** Benchmark corruptions in their order, then others in the order of the suite. */
  readonly rows: readonly CorruptionRow[]
  /** The first is over all benchmark corruptions that were run; empty if there are none. */
  readonly means: readonly CorruptionMean[]
  /** True if a row is procedural frost, which is not comparable with published numbers. */
  readonly frost: boolean
}

/** Whether an attack is a corruption, by its plugin and options; its name does not matter. */
export function isCorruption({ plugin, options }: CorruptionAttack): boolean {
  const { corruption, severity } = options
  return plugin === 'corruption' && typeof corruption === 'string' && Number.isInteger(severity)
}

/**
 * The matrices of an entry, one per seed, plugin version, and set of other options. Skips attacks
 * that are not corruptions.
 */
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

/**
 * The headline of an entry: the mean over the benchmark corruptions of its first matrix. Without
 * one, −1, which sorts below all others.
 */
export function corruptionMean(matrices: readonly CorruptionMatrix[] = []): number {
  return matrices[0]?.means[0]?.overall ?? -1
}

function matrixOf(findings: readonly CorruptionFinding[]): CorruptionMatrix {
  // Groups are never empty.
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

/** Undefined if a value is missing: a mean over fewer values is not comparable. */
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
