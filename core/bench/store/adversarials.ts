/**
 * Saved adversarial examples: `adversarials/<defense>/<attack>.npz`, one file per evaluation, with
 * `adversarials/index.json`. While a run is not finished, each unit has a file of its own.
 */
import { existsSync, statSync } from 'node:fs'
import { rm, rmdir } from 'node:fs/promises'
import { createReadStream } from 'node:fs'
import { createHash } from 'node:crypto'
import { isAbsolute, join } from 'node:path'
import { writeFileAtomic } from '../../base/atomic-file.ts'
import { ConfigError } from '../../base/errors.ts'
import { parseJsonText } from '../../base/json-file.ts'
import { readText } from '../../base/read-file.ts'
import { slugOf } from '../../base/slug.ts'
import { sizeOf, tensor } from '../../engine/tensor/tensor.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import { threatSlug } from '../../threat/threat-slug.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import { evidenceArrays, evidenceFromArrays } from '../../threat/transforms/evidence-arrays.ts'
import type { EvidenceArray } from '../../threat/transforms/evidence-arrays.ts'
import type { TransformEvidence, TransformKind } from '../../threat/transforms/table.ts'
import type { PluginIdentity } from '../plan/cell.ts'
import type { Plan, PlannedAttack, PlannedRow } from '../plan/plan.ts'
import { readNpz, writeNpz } from './npz-file.ts'
import type { NpzArray, NpzData, NpzSource } from './npz-file.ts'

/** Adversarial examples, with the examples that they belong to. */
export interface AdversarialPoints {
  /** `[n, c, h, w]`: exact values. A misclassified example that was not attacked is unchanged. */
  readonly points: FloatTensor
  /** `[n]`: positions in the data set. */
  readonly indices: Int32Array
  /** `[n]` */
  readonly labels: Int32Array
  /** Per point, the parameters of the transform: see `HostedResult.transform`. */
  readonly transform?: TransformEvidence
}

/** One file of adversarial examples. */
export interface AdversarialFile {
  /** Relative to the index, with `/`. */
  readonly file: string
  readonly sha256: string
  readonly bytes: number
  readonly defense: string
  readonly attack: PluginIdentity & { readonly name: string }
  readonly threatModel: ThreatModel
  readonly seed: number
  readonly examples: number
  /** Ids of the units whose points the file contains, in the order of the examples. */
  readonly units: readonly string[]
}

/** Content of `adversarials/index.json`. */
export interface AdversarialIndex {
  readonly schemaVersion: 1
  readonly dataset: { readonly id: string; readonly sha256: string }
  readonly files: readonly AdversarialFile[]
}

/** The directory of adversarial examples in a results directory. */
export function adversarialsFolder(results: string): string {
  return join(results, 'adversarials')
}

/** Path of a unit's adversarial examples, until the run is finished. */
export function unitPointsFile(results: string, id: string): string {
  return join(adversarialsFolder(results), 'units', `${id}.npz`)
}

/** Writes the points of one unit. @throws RunError ROBENCH_STORE */
export async function writePoints(path: string, points: AdversarialPoints): Promise<void> {
  await writeNpz(path, sourcesOf([points]))
}

/**
 * Reads points from an archive with `x_adv`, and with `indices` and `labels` unless all examples
 * are there in order.
 * @throws ConfigError ROBENCH_DATA
 */
export async function readPoints(path: string): Promise<AdversarialPoints> {
  const arrays = await readNpz(path)
  const points = arrays.get('x_adv')
  const indices = arrays.get('indices')
  const labels = arrays.get('labels')
  if (!points || !(points.data instanceof Float32Array)) {
    throw new ConfigError('ROBENCH_DATA', `${path}: expected a float32 array x_adv`)
  }
  const count = points.shape[0] ?? 0
  const named = new Map<string, EvidenceArray>()
  for (const [name, { shape, data }] of arrays) {
    if (!name.startsWith('transform/')) continue
    if (data instanceof Float32Array || data instanceof Int32Array) {
      named.set(name.split('/').slice(2).join('/'), { shape, data })
    }
  }
  const kind = [...arrays.keys()].find((name) => name.startsWith('transform/'))?.split('/')[1]
  return {
    points: tensor('float32', [...points.shape], points.data),
    indices: indices ? integers(indices) : Int32Array.from({ length: count }, (_, i) => i),
    labels: labels ? integers(labels) : new Int32Array(0),
    // The names are those that `sourcesOf` writes; the transform's own check follows.
    ...(kind !== undefined && { transform: evidenceFromArrays(kind as TransformKind, named) }),
  }
}

function integers({ data }: NpzArray): Int32Array {
  return Int32Array.from({ length: data.length }, (_, i) => Number(data[i]))
}

/** The arrays of a file; each part is a piece of every array. At least one part. */
function sourcesOf(parts: readonly AdversarialPoints[]): NpzSource[] {
  const [first] = parts
  // A part without correct examples has no parameters.
  const transform = parts.find((part) => part.transform)?.transform
  const count = parts.reduce((sum, { indices }) => sum + indices.length, 0)
  const pieces = (pick: (part: AdversarialPoints) => NpzData): NpzData[] => parts.map(pick)
  const extra = transform
    ? [...evidenceArrays(transform)].map(([name, { shape, data }]): NpzSource => {
        const width = sizeOf(shape.slice(1))
        return {
          name: `transform/${transform.kind}/${name}`,
          dtype: data instanceof Int32Array ? 'int32' : 'float32',
          shape: [count, ...shape.slice(1)],
          pieces: pieces(
            (part) =>
              (part.transform && evidenceArrays(part.transform).get(name)?.data) ??
              new Float32Array(part.indices.length * width),
          ),
        }
      })
    : []
  return [
    {
      name: 'x_adv',
      dtype: 'float32',
      shape: [count, ...first!.points.shape.slice(1)],
      pieces: pieces(({ points }) => points.data),
    },
    { name: 'indices', dtype: 'int32', shape: [count], pieces: pieces(({ indices }) => indices) },
    { name: 'labels', dtype: 'int32', shape: [count], pieces: pieces(({ labels }) => labels) },
    ...extra,
  ]
}

/**
 * Reads the index of a directory of adversarial examples.
 * @returns undefined if there is none
 * @throws ConfigError ROBENCH_DATA if it is damaged
 */
export async function readAdversarialIndex(folder: string): Promise<AdversarialIndex | undefined> {
  const path = join(folder, 'index.json')
  if (!existsSync(path)) return undefined
  try {
    const limits = { code: 'ROBENCH_DATA', mostBytes: 2 ** 28 } as const
    const index = parseJsonText(readText(path, limits), path) as AdversarialIndex
    if (index.schemaVersion === 1 && index.files.every(isSafe)) return index
  } catch {
    // Reported below.
  }
  throw new ConfigError('ROBENCH_DATA', `${path}: is damaged; run again with --save-adversarial`)
}

/** Whether a listed file is in the directory of the index, and has the fields that are read. */
function isSafe({ file, bytes, units }: AdversarialFile): boolean {
  const parts = file.split('/')
  const inside = !isAbsolute(file) && !/[\\:]/.test(file) && !parts.includes('..')
  return inside && Number.isFinite(bytes) && units.every((id) => typeof id === 'string')
}

/** Whether the points of a unit are saved, by its id. */
export async function hasAdversarials(results: string): Promise<(id: string) => boolean> {
  const folder = adversarialsFolder(results)
  const index = await readAdversarialIndex(folder).catch(() => undefined)
  const listed = new Set<string>()
  for (const { file, bytes, units } of index?.files ?? []) {
    const stat = statSync(join(folder, file), { throwIfNoEntry: false })
    if (stat?.size === bytes) for (const id of units) listed.add(id)
  }
  return (id) => listed.has(id) || existsSync(unitPointsFile(results, id))
}

/**
 * Joins the points of completed units to one file per evaluation, and writes the index.
 * @returns sha256 of the index
 * @throws RunError ROBENCH_STORE
 */
export async function joinAdversarials(
  results: string,
  plan: Plan,
  dataset: AdversarialIndex['dataset'],
  isCompleted: (unitId: string) => boolean,
): Promise<string> {
  const folder = adversarialsFolder(results)
  const earlier = await readAdversarialIndex(folder).catch(() => undefined)
  const names = fileNames(plan)
  const files: AdversarialFile[] = []
  for (const row of plan.rows) {
    for (const attack of row.attacks) {
      if (!attack.units.every(({ id }) => isCompleted(id))) continue
      files.push(await joinAttack({ results, row, attack, file: names.get(attack)!, earlier }))
    }
  }
  const index: AdversarialIndex = { schemaVersion: 1, dataset, files }
  const text = `${JSON.stringify(index, undefined, 1)}\n`
  await writeFileAtomic(join(folder, 'index.json'), text)
  for (const { units } of files) {
    for (const id of units) await rm(unitPointsFile(results, id), { force: true })
  }
  // Fails while units of other evaluations are open.
  await rmdir(join(folder, 'units')).catch(() => {})
  return createHash('sha256').update(text).digest('hex')
}

interface JoinTask {
  readonly results: string
  readonly row: PlannedRow
  readonly attack: PlannedAttack
  readonly file: string
  readonly earlier: AdversarialIndex | undefined
}

async function joinAttack(task: JoinTask): Promise<AdversarialFile> {
  const { results, row, attack, file, earlier } = task
  const folder = adversarialsFolder(results)
  const path = join(folder, file)
  const units = attack.units.map(({ id }) => id)
  const open = units.filter((id) => existsSync(unitPointsFile(results, id)))
  const known = earlier?.files.find((one) => one.file === file && one.units.join() === units.join())
  if (known && open.length === 0) return known
  const parts: AdversarialPoints[] = []
  for (const unit of attack.units) parts.push(await pointsOf(unit, task))
  await writeNpz(path, sourcesOf(parts))
  const { plugin, version, options } = attack.cell.attack
  return {
    file,
    sha256: await hashFile(path),
    bytes: statSync(path).size,
    defense: row.name,
    attack: { name: attack.name, plugin, version, options },
    threatModel: row.threatModel,
    seed: attack.cell.seed,
    examples: attack.cell.examples,
    units,
  }
}

/** The points of a unit: from its own file, or from a joined file of an earlier run. */
async function pointsOf(
  { id, shard }: PlannedAttack['units'][number],
  { results, earlier }: JoinTask,
): Promise<AdversarialPoints> {
  const own = unitPointsFile(results, id)
  if (existsSync(own)) return readPoints(own)
  const joined = earlier?.files.find(({ units }) => units.includes(id))
  const path = join(adversarialsFolder(results), joined?.file ?? '')
  const { points, indices, labels, transform } = await readPoints(path)
  const from = indices.indexOf(shard.start)
  const to = from + shard.end - shard.start
  const size = sizeOf(points.shape.slice(1))
  const arrays =
    transform &&
    [...evidenceArrays(transform)].map(([name, { shape, data }]) => {
      const width = sizeOf(shape.slice(1))
      const part = data.slice(from * width, to * width)
      return [name, { shape: [to - from, ...shape.slice(1)], data: part }] as const
    })
  return {
    points: tensor(
      'float32',
      [to - from, ...points.shape.slice(1)],
      points.data.slice(from * size, to * size),
    ),
    indices: indices.slice(from, to),
    labels: labels.slice(from, to),
    ...(transform && arrays && { transform: evidenceFromArrays(transform.kind, new Map(arrays)) }),
  }
}

/** sha256 of a file, read in pieces. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer)
  return hash.digest('hex')
}

/** `<defense>/<attack>.npz`, with the threat model or the seed if there are several. */
function fileNames({ rows }: Plan): Map<PlannedAttack, string> {
  const names = new Map<PlannedAttack, string>()
  const taken = new Set<string>()
  for (const row of rows) {
    const several = rows.filter(({ name }) => name === row.name).length > 1
    for (const attack of row.attacks) {
      const seeds = row.attacks.filter(({ name }) => name === attack.name).length
      const parts = [
        fileName(attack.name),
        ...(several ? [threatSlug(row.threatModel)] : []),
        ...(seeds > 1 ? [`seed-${attack.cell.seed}`] : []),
      ]
      const name = `${fileName(row.name)}/${parts.join('-')}`
      let unique = name
      for (let copy = 2; taken.has(unique.toLowerCase()); copy++) unique = `${name}-${copy}`
      taken.add(unique.toLowerCase())
      names.set(attack, `${unique}.npz`)
    }
  }
  return names
}

/** A name of a suite as a file name. Only `units` is in use for something else. */
function fileName(name: string): string {
  const isPlain = /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)
  const plain = isPlain ? name : slugOf(name) || 'unnamed'
  return plain === 'units' ? 'units-' : plain
}
