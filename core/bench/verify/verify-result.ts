/** Verifies a result: its figures, its chunks, its points, and a sample that is run again. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { canonicalJson, hashJson } from '../../base/hash.ts'
import { packageVersion } from '../../base/package-version.ts'
import { countOf } from '../../base/figures.ts'
import { ConfigError } from '../../base/errors.ts'
import { deviceKind } from '../../engine/graph/session-device.ts'
import { probeSample } from '../checks/run-probes.ts'
import { shardsOf } from '../plan/cell.ts'
import type { ModelRow } from '../plan/model-row.ts'
import { resolveSuite } from '../plan/resolve.ts'
import type { ResolvedSuite } from '../plan/resolve.ts'
import type { ResultEntry, RunResult } from '../result/result.ts'
import { locateResult, readUnverifiedResult } from '../result/read-result.ts'
import { hashFile, readAdversarialIndex } from '../store/adversarials.ts'
import { evidenceOf, readUnits } from '../store/store.ts'
import type { StoredUnit } from '../store/unit-file.ts'
import { checkSuite } from '../suite/load.ts'
import type { LoadedSuite } from '../suite/load.ts'
import { nameOfAttack, nameOfEntry, recountResult } from './recount.ts'
import { rerunSample } from './rerun.ts'
import type { StatedEntry } from './rerun.ts'
import { suiteFolder } from './suite-folder.ts'
import { verifyFile } from './verify-points.ts'

/** How to verify a result. */
export interface VerifyOptions {
  /** Directory with `index.json`; default: `adversarials` beside the result, if it exists. */
  readonly adversarials?: string
  /** Examples per attack that run again; 0 runs none. */
  readonly sample: number
  /** Names the sample. */
  readonly seed: number
  /** Directory that paths in the suite are relative to; default: see `suiteFolder`. */
  readonly folder?: string
  readonly device: string
  readonly threads: number
  readonly signal: AbortSignal
  progress?(what: string): void
}

/** One part of a verification. */
export interface VerifiedPart {
  readonly name: 'figures' | 'identity' | 'chunks' | 'points' | 'sample'
  /** What was compared, as text: `24 accuracies`. */
  readonly checked: string
  /** One text per difference. */
  readonly differences: readonly string[]
}

/** The outcome of a verification. */
export interface Verification {
  readonly result: string
  readonly parts: readonly VerifiedPart[]
  /** True if nothing differs. */
  readonly holds: boolean
}

/**
 * Verifies a result file.
 * @param path as for `readResult`
 * @throws ConfigError if the result, its suite, or its data cannot be read
 */
export async function verifyResultFile(
  path: string,
  options: VerifyOptions,
): Promise<Verification> {
  const file = locateResult(path)
  const result = readUnverifiedResult(file)
  const parts: VerifiedPart[] = []
  const { checked, differences } = recountResult(result)
  parts.push({ name: 'figures', checked: countOf(checked, 'figure'), differences })
  const loaded = suiteOf(result, options.folder, file)
  parts.push(verifyIdentity(result, loaded))
  parts.push(await verifyChunks(result, dirname(file)))
  const resolved = await resolveSuite(loaded)
  const { sample } = options
  let rows: readonly ModelRow[] = []
  const rerun = await rerunSample({
    ...options,
    resolved,
    entries: sample > 0 ? result.entries.map(statedOf) : [],
    sample,
    batchSize: otherBatchSize(loaded.suite.batchSize),
  })
  rows = rerun.rows
  const folder = options.adversarials ?? join(dirname(file), 'adversarials')
  if (options.adversarials !== undefined || existsSync(folder)) {
    parts.push(await verifyPointFiles({ result, folder, resolved, rows, options }))
  }
  if (sample > 0) {
    const { outcomes, held, checks } = rerun
    const what = `${countOf(outcomes, 'outcome')} (${held} robust) and ${countOf(checks, 'check')}`
    parts.push({ name: 'sample', checked: what, differences: rerun.differences })
  }
  return { result: file, parts, holds: parts.every((part) => part.differences.length === 0) }
}

/** A batch size that no run with `size` used, so that dependence on it shows. */
export function otherBatchSize(size: number): number {
  return size === 37 ? 23 : 37
}

/** The completed attacks of an entry, as `rerunSample` takes them. */
export function statedOf(entry: ResultEntry): StatedEntry {
  return { ...entry, attacks: entry.attacks.filter((attack) => attack.state === 'completed') }
}

function suiteOf({ suite }: RunResult, folder: string | undefined, file: string): LoadedSuite {
  if (!suite.content) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${file}#/suite: expected the whole suite (content), as robench writes it since 0.1.0; ` +
        'run the suite again with this version',
    )
  }
  return checkSuite(suite.content, `${file}#/suite/content`, suiteFolder(suite.id, folder))
}

function verifyIdentity(result: RunResult, loaded: LoadedSuite): VerifiedPart {
  const differences: string[] = []
  const { id, title, sha256 } = result.suite
  if (loaded.sha256 !== sha256) {
    differences.push(`the suite has sha256 ${loaded.sha256}, the result says ${sha256}`)
  }
  const { suite } = loaded
  if (suite.id !== id || suite.title !== title) {
    differences.push(`the suite is "${suite.id}" (${suite.title}), the result says "${id}"`)
  }
  const own = packageVersion()
  if (result.robenchVersion !== own) {
    differences.push(`the result is of robench ${result.robenchVersion}, this is ${own}`)
  }
  for (const entry of result.entries) {
    const { rankable, reasons } = entry
    if (rankable !== (reasons.length === 0)) {
      differences.push(`${nameOfEntry(entry)}: rankable is ${rankable}, with other reasons`)
    }
  }
  return { name: 'identity', checked: 'suite, versions', differences }
}

/**
 * Compares a result with the chunks beside it. Without chunks, nothing differs.
 * @param folder of the result, with `units`
 */
export async function verifyChunks(result: RunResult, folder: string): Promise<VerifiedPart> {
  const { evidence } = result
  const { units, damaged } = await readUnits(folder)
  const differences = [...damaged]
  if (units.size === 0) {
    return { name: 'chunks', checked: 'no chunks beside the result', differences }
  }
  const used = new Map<string, StoredUnit>()
  for (const entry of result.entries) {
    const clean = unitsLike(units, entry, 'clean', result)
    for (const unit of clean) used.set(unit.id, unit)
    compareJoined(differences, `${nameOfEntry(entry)}, clean`, entry.cleanOutcomes, clean)
    for (const unit of unitsLike(units, entry, 'checks', result)) used.set(unit.id, unit)
    for (const attack of entry.attacks) {
      if (attack.state !== 'completed') continue
      const own = unitsLike(units, entry, 'attack', result).filter(({ cell }) => {
        if (cell.kind !== 'attack' || cell.seed !== attack.seed) return false
        const { plugin, version, options } = cell.attack
        const stated = attack.attack
        return (
          plugin === stated.plugin &&
          version === stated.version &&
          canonicalJson(options) === canonicalJson(stated.options)
        )
      })
      for (const unit of own) used.set(unit.id, unit)
      compareJoined(
        differences,
        `${nameOfEntry(entry)}, ${nameOfAttack(attack)}`,
        attack.outcomes,
        own,
      )
    }
  }
  const counted = evidenceOf([...used.values()])
  if (evidence && (result.failures ?? []).length === 0 && !hasFailedAttack(result)) {
    const { count, sha256 } = evidence.units
    if (counted.sha256 !== sha256) {
      differences.push(
        `the ${counted.count} chunks have the checksum ${counted.sha256}, ` +
          `the result was made from ${count} with ${sha256}`,
      )
    }
  }
  return { name: 'chunks', checked: countOf(used.size, 'chunk'), differences }
}

function hasFailedAttack({ entries }: RunResult): boolean {
  return entries.some(({ attacks }) => attacks.some(({ state }) => state === 'failed'))
}

/** The units of an entry of one kind, in the order of the examples. */
function unitsLike(
  units: ReadonlyMap<string, StoredUnit>,
  { defense, dataset, threatModel }: ResultEntry,
  kind: StoredUnit['cell']['kind'],
  { robenchVersion, environment }: RunResult,
): StoredUnit[] {
  const sameOptions = hashJson([defense.plugin, defense.version, defense.options])
  const examples = kind === 'checks' ? Math.min(probeSample, dataset.examples) : dataset.examples
  const shards = shardsOf(examples).map(({ start, end }) => `${start} ${end}`)
  return [...units.values()]
    .filter(({ cell, shard }) => {
      const own = cell.defense
      return (
        cell.kind === kind &&
        cell.dataset.sha256 === dataset.sha256 &&
        cell.software.robench === robenchVersion &&
        cell.software.onnxruntime === environment.onnxruntime &&
        cell.device === deviceKind(environment.device) &&
        (defense.model.hash ?? own.model) === own.model &&
        shards.includes(`${shard.start} ${shard.end}`) &&
        hashJson([own.plugin, own.version, own.options]) === sameOptions &&
        (cell.kind === 'clean' || canonicalJson(cell.threatModel) === canonicalJson(threatModel))
      )
    })
    .toSorted((a, b) => a.shard.start - b.shard.start)
}

function compareJoined(
  differences: string[],
  what: string,
  stated: string,
  parts: readonly StoredUnit[],
): void {
  const joined = parts.map(({ outcome }) => outcome.outcomes).join('')
  if (joined.length !== stated.length) {
    differences.push(
      `${what}: the chunks have ${joined.length} outcomes, the result has ${stated.length}`,
    )
    return
  }
  const at = [...stated].findIndex((mark, i) => mark !== joined[i])
  if (at < 0) return
  differences.push(
    `${what}: example ${at} is "${stated[at]}" in the result, "${joined[at]}" in its chunk`,
  )
}

interface PointFiles {
  readonly result: RunResult
  readonly folder: string
  readonly resolved: ResolvedSuite
  readonly rows: readonly ModelRow[]
  readonly options: VerifyOptions
}

async function verifyPointFiles(work: PointFiles): Promise<VerifiedPart> {
  const { result, folder, resolved, rows, options } = work
  const differences: string[] = []
  const index = await readAdversarialIndex(folder)
  if (!index) {
    throw new ConfigError('ROBENCH_DATA', `${folder}: expected adversarial examples (index.json)`)
  }
  const stated = result.evidence?.adversarials
  if (stated !== undefined && stated !== (await hashFile(join(folder, 'index.json')))) {
    differences.push(`${join(folder, 'index.json')} is not the one that the result names`)
  }
  let points = 0
  let rounding = 0
  for (const listed of index.files) {
    options.progress?.(`points of ${listed.file}`)
    const entry = result.entries.find(
      ({ defense, threatModel }) =>
        defense.name === listed.defense &&
        canonicalJson(threatModel) === canonicalJson(listed.threatModel),
    )
    const attack = entry?.attacks.find(
      ({ attack: { name }, seed }) => name === listed.attack.name && seed === listed.seed,
    )
    const row = rows.find(
      ({ defense, threatModel }) =>
        defense.name === listed.defense &&
        canonicalJson(threatModel) === canonicalJson(listed.threatModel),
    )
    if (!entry || attack?.state !== 'completed' || !row?.model) {
      differences.push(`${listed.file}: the result has no such attack, or its model is not here`)
      continue
    }
    const found = await verifyFile({
      path: join(folder, listed.file),
      listed,
      attack,
      threatModel: entry.threatModel,
      model: row.model,
      dataset: resolved.dataset,
      batchSize: otherBatchSize(resolved.loaded.suite.batchSize),
    })
    points += found.points
    rounding += found.rounding
    differences.push(...found.differences)
  }
  const close = rounding > 0 ? `, ${rounding} within rounding` : ''
  return { name: 'points', checked: `${countOf(points, 'point')}${close}`, differences }
}
