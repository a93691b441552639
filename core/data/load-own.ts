/** Loads the user's own data: arrays, archives, folders of images, tables, descriptions. */
import { stat } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { ConfigError } from '../base/errors.ts'
import { kindOf } from '../base/read-file.ts'
import { labeledArrays, readNpyPair } from './arrays.ts'
import type { LabeledArrays } from './arrays.ts'
import type { Dataset, DatasetSettings, SampleSettings, Split } from './dataset.ts'
import { readDescription } from './describe.ts'
import { decodeImages } from './images/collection.ts'
import type { ImageCollection } from './images/collection.ts'
import { listImageFolder } from './images/folder.ts'
import { memoryDataset, numberedClasses } from './memory-dataset.ts'
import type { DatasetParts } from './memory-dataset.ts'
import { sampleDataset, samplePositions } from './sample.ts'

/** What `--data` and `dataset.path` accept, for messages. */
export const pathForms =
  'a folder of images, an .npz archive, a .parquet table, or a .json description'

/** What all loaders here need besides a place. */
export interface OwnRequest extends DatasetSettings {
  readonly split: Split
}

/** Loads a pair of .npy files. @throws ConfigError ROBENCH_DATA */
export async function loadPair(
  inputs: string,
  labels: string,
  request: OwnRequest,
): Promise<Dataset> {
  refuseSettings(request, ['image', 'columns'], inputs)
  const arrays = await readNpyPair(inputs, labels, request.bounds)
  return sampled(fromArrays(arrays, { id: 'npy', title: basename(inputs) }, request), request)
}

/** Loads a folder, an archive, a table, or a description. @throws ConfigError ROBENCH_DATA */
export async function loadPath(path: string, request: OwnRequest): Promise<Dataset> {
  if (extname(path) === '.json') return loadDescribed(path, request)
  return loadFiles(path, { id: 'files', title: basename(path) }, request)
}

type Name = Pick<Dataset, 'id' | 'title'>

async function loadDescribed(path: string, request: OwnRequest): Promise<Dataset> {
  const { id, title, inputs, labels, ...settings } = await readDescription(path)
  for (const key of ['bounds', 'classNames', 'image', 'columns'] as const) {
    if (
      request[key] === undefined ||
      JSON.stringify(request[key]) === JSON.stringify(settings[key])
    )
      continue
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${path}: the description determines ${key}; leave it out, or edit the description`,
    )
  }
  const { bounds, classNames, image, columns } = settings
  const described = {
    ...request,
    title: request.title ?? title,
    // The schema has checked that there are two.
    ...(bounds && { bounds: bounds as unknown as readonly [number, number] }),
    ...(classNames && { classNames }),
    ...(image && { image }),
    ...(columns && { columns }),
  }
  if (labels === undefined) return loadFiles(inputs!, { id, title }, described)
  const arrays = await readNpyPair(inputs!, labels, described.bounds)
  return sampled(fromArrays(arrays, { id, title }, described), request)
}

/** A folder, an archive, or a table. */
async function loadFiles(path: string, name: Name, request: OwnRequest): Promise<Dataset> {
  const entry = await stat(path).catch(() => undefined)
  if (!entry) throw new ConfigError('ROBENCH_DATA', `${path}: not found`)
  const { columns, classNames, bounds = [0, 1] } = request
  if (entry.isDirectory()) {
    refuseSettings(request, ['columns'], path)
    return fromImages(await listImageFolder(path, classNames), name, request)
  }
  if (!entry.isFile()) {
    throw new ConfigError('ROBENCH_DATA', `${path}: expected ${pathForms}, got ${kindOf(entry)}`)
  }
  const extension = extname(path).toLowerCase()
  // The readers are loaded when they are needed: most runs and all workers start without them.
  if (extension === '.parquet') {
    const { readParquet } = await import('./formats/parquet.ts')
    return fromImages(await readParquet(path, columns), name, request)
  }
  if (extension === '.npz') {
    refuseSettings(request, ['image'], path)
    const { readNpz } = await import('./formats/npz.ts')
    const { inputs, labels } = await readNpz(path, columns)
    return sampled(fromArrays(labeledArrays(inputs, labels, bounds), name, request), request)
  }
  throw new ConfigError(
    'ROBENCH_DATA',
    `${path}: expected ${pathForms}; a .npy file of images is given by --inputs, with --labels`,
  )
}

/** What settings without effect are about. */
const settingSubjects = {
  image: 'resizing and cropping apply to encoded images, but these are arrays',
  columns: 'names of arrays or columns apply to .npz archives and .parquet tables',
} as const

/** @throws ConfigError ROBENCH_CONFIG for a setting that has no effect on this form of data */
function refuseSettings(
  request: OwnRequest,
  keys: readonly (keyof typeof settingSubjects)[],
  path: string,
): void {
  const stray = keys.find((key) => request[key] !== undefined)
  if (stray === undefined) return
  throw new ConfigError('ROBENCH_CONFIG', `${path}: ${stray}: ${settingSubjects[stray]}`)
}

function fromArrays(arrays: LabeledArrays, name: Name, request: OwnRequest): Dataset {
  const { shape, pixels, labels, classes, doubts } = arrays
  const known =
    classes === undefined ? undefined : Array.from({ length: classes }, (_, k) => `${k}`)
  const classNames = request.classNames ?? known
  const content = { shape, pixels, labels, ...(doubts && { doubts }) }
  return memoryDataset(parts(content, name, request, classNames))
}

/** Decodes only the images of the sample. */
async function fromImages(
  collection: ImageCollection,
  name: Name,
  request: OwnRequest,
): Promise<Dataset> {
  const { labels, classNames } = collection
  const sample = sampleOf(request)
  const rows = sample ? samplePositions(labels, sample) : Int32Array.from(labels.keys())
  const { shape, pixels } = await decodeImages(collection, rows, request.image)
  const chosen = rows.map((row) => labels[row]!)
  return memoryDataset({
    ...parts({ shape, pixels, labels: chosen }, name, request, request.classNames ?? classNames),
    ...(sample && { positions: rows, sample, total: labels.length }),
  })
}

function parts(
  content: Pick<DatasetParts, 'shape' | 'pixels' | 'labels' | 'doubts'>,
  { id, title }: Name,
  { split, bounds, title: given }: OwnRequest,
  classNames: readonly string[] | undefined,
): DatasetParts {
  const { labels } = content
  const beyond = classNames && labels.findIndex((label) => label >= classNames.length)
  if (beyond !== undefined && beyond >= 0) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${title}: label ${beyond} is ${labels[beyond]}, but there are ${classNames!.length} class ` +
        `names (0 to ${classNames!.length - 1})`,
    )
  }
  return {
    ...content,
    id,
    title: given ?? title,
    split,
    toy: false,
    classNames: classNames ?? numberedClasses(labels),
    namesClasses: classNames !== undefined,
    ...(bounds && { bounds }),
  }
}

function sampled(dataset: Dataset, request: OwnRequest): Dataset {
  const sample = sampleOf(request)
  return sample ? sampleDataset(dataset, sample) : dataset
}

/** Training uses all of its data. */
export function sampleOf({ split, sample }: OwnRequest): SampleSettings | undefined {
  return split === 'test' ? sample : undefined
}
