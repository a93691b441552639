/** Loads a data set by reference: a published one from the data folder, the embedded one, or the user's .npy pair. */
import { stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { ConfigError } from '../base/errors.ts'
import { dataFolder } from '../base/paths.ts'
import { publishedDatasets } from './catalog.ts'
import type { Dataset, DatasetReference, Split } from './dataset.ts'
import { embeddedCounts, embeddedDataset, embeddedId, embeddedShape } from './embedded.ts'
import { readNpyPair } from './formats/npy.ts'
import { memoryDataset } from './memory-dataset.ts'
import { inspectFile, offlineAdvice } from './published.ts'
import type { NamedBytes, PublishedDataset } from './published.ts'
import { findPublished } from './registry.ts'

export interface LoadOptions {
  readonly split: Split
  /** Default: `ROBENCH_DATA`, or `data` in the per-user cache. */
  readonly folder?: string | undefined
  /** Turns the paths of a .npy pair into absolute ones, such as those of a suite. Default: against the working folder. */
  readonly resolvePath?: ((path: string) => string) | undefined
}

/**
 * The data set, wholly in memory; 8-bit pixels stay 8-bit until `rows` is called.
 * A .npy pair has no splits: it is what the caller says.
 * @throws ConfigError ROBENCH_CONFIG for an unknown id, ROBENCH_DATA for files that are missing or wrong
 */
export async function loadDataset(
  reference: DatasetReference,
  options: LoadOptions,
): Promise<Dataset> {
  if (!('id' in reference)) return loadNpy(reference, options)
  if (reference.id === embeddedId) return embeddedDataset(options.split)
  return loadPublished(findPublished(reference.id), options)
}

/** `loadDataset` for a data set given as a record. */
export async function loadPublished(
  dataset: PublishedDataset,
  options: LoadOptions,
): Promise<Dataset> {
  const { split } = options
  const folder = join(resolve(options.folder ?? dataFolder()), dataset.id)
  const contents: NamedBytes[] = []
  for (const file of dataset.files[split]) {
    const path = join(folder, file.name)
    const inspection = await inspectFile(path, file)
    if (inspection.state === 'missing') {
      throw new ConfigError(
        'ROBENCH_DATA',
        `${path}: not found; run \`robench data pull ${dataset.id}\`. ${offlineAdvice(dataset)}`,
      )
    }
    if (inspection.state === 'wrong') {
      throw new ConfigError(
        'ROBENCH_DATA',
        `${path}: ${inspection.problem}; run \`robench data pull ${dataset.id}\` to fetch it anew`,
      )
    }
    contents.push(inspection.content)
  }
  const { pixels, labels } = dataset.decode(contents)
  if (labels.length !== dataset.counts[split]) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${folder}: expected ${dataset.counts[split]} examples in the ${split} split, got ${labels.length}`,
    )
  }
  const { id, title, shape, classNames } = dataset
  return memoryDataset({ id, title, split, toy: false, shape, classNames, pixels, labels })
}

async function loadNpy(
  reference: Exclude<DatasetReference, { readonly id: string }>,
  { split, resolvePath = resolve }: LoadOptions,
): Promise<Dataset> {
  const { shape, pixels, labels } = await readNpyPair(
    resolvePath(reference.inputs),
    resolvePath(reference.labels),
  )
  const classes = labels.reduce((highest, label) => Math.max(highest, label), 0) + 1
  return memoryDataset({
    id: 'npy',
    title: reference.title ?? basename(reference.inputs),
    split,
    toy: false,
    shape,
    classNames: Array.from({ length: classes }, (_, label) => String(label)),
    pixels,
    labels,
  })
}

/** A data set as `robench data list` shows it. */
export interface DatasetInfo {
  readonly id: string
  readonly title: string
  readonly license: string
  readonly citation: string
  readonly homepage?: string
  readonly toy: boolean
  /** `[channels, height, width]`. */
  readonly shape: readonly [number, number, number]
  readonly classes: number
  readonly counts: Readonly<Record<Split, number>>
  /** `partial`: some files only. `embedded`: made by robench itself, always there. */
  readonly state: 'present' | 'partial' | 'absent' | 'embedded'
  /** Where the files are, or would be. */
  readonly folder?: string
}

/** All built-in data sets. Files are looked for, not checked; loading checks them. */
export async function listDatasets(
  options: { readonly folder?: string | undefined } = {},
): Promise<readonly DatasetInfo[]> {
  const root = resolve(options.folder ?? dataFolder())
  const infos: DatasetInfo[] = []
  for (const dataset of publishedDatasets) {
    const { id, title, license, citation, homepage, shape, classNames, counts } = dataset
    const folder = join(root, id)
    const state = await presence(dataset, folder)
    const classes = classNames.length
    infos.push({
      id,
      title,
      license,
      citation,
      homepage,
      toy: false,
      shape,
      classes,
      counts,
      state,
      folder,
    })
  }
  infos.push({
    id: embeddedId,
    title: 'Quickstart (procedural toy set)',
    license: 'MIT, part of robench',
    citation: 'none: a toy for trying robench, never ranked',
    toy: true,
    shape: embeddedShape,
    classes: 10,
    counts: embeddedCounts,
    state: 'embedded',
  })
  return infos
}

async function presence(
  dataset: PublishedDataset,
  folder: string,
): Promise<'present' | 'partial' | 'absent'> {
  const files = [...dataset.files.train, ...dataset.files.test]
  let found = 0
  for (const { name } of files) {
    const entry = await stat(join(folder, name)).catch(() => undefined)
    if (entry?.isFile()) found += 1
  }
  if (found === 0) return 'absent'
  return found === files.length ? 'present' : 'partial'
}
