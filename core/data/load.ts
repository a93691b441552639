/** Loads data sets: published ones from the data directory, the embedded one, or the user's own. */
import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ConfigError } from '../base/errors.ts'
import { dataFolder } from '../base/paths.ts'
import { publishedDatasets } from './catalog.ts'
import type { Dataset, DatasetReference, DatasetSettings, Split } from './dataset.ts'
import { embeddedCounts, embeddedDataset, embeddedId, embeddedShape } from './embedded.ts'
import { withGivenLimits } from './given-limits.ts'
import { loadPair, loadPath, sampleOf } from './load-own.ts'
import { memoryDataset } from './memory-dataset.ts'
import { inspectFile, offlineAdvice } from './published.ts'
import type { NamedBytes, PublishedDataset } from './published.ts'
import { findPublished } from './registry.ts'
import { sampleDataset } from './sample.ts'
import { requireRange } from './stated-range.ts'

/** The split to load, and its location. */
export interface LoadOptions {
  readonly split: Split
  /** Default: `ROBENCH_DATA`, or `data` in the per-user cache. */
  readonly folder?: string | undefined
  /** Makes the paths of the user's files absolute; default: relative to the working directory. */
  readonly resolvePath?: ((path: string) => string) | undefined
}

/**
 * Loads a data set into memory; 8-bit pixels stay 8-bit until `rows` is called. The user's own data
 * has no splits: it counts as the requested one.
 * @throws ConfigError ROBENCH_CONFIG for an unknown id, ROBENCH_DATA for missing or invalid files
 */
export async function loadDataset(
  reference: DatasetReference,
  options: LoadOptions,
): Promise<Dataset> {
  const { split, resolvePath = resolve } = options
  const loaded = await loadImages(reference, options, resolvePath)
  return split === 'test' ? withGivenLimits(loaded, reference, resolvePath) : loaded
}

async function loadImages(
  reference: DatasetReference,
  options: LoadOptions,
  resolvePath: (path: string) => string,
): Promise<Dataset> {
  const { split } = options
  const request = { ...reference, split }
  if (reference.bounds) requireRange(reference.bounds, 'bounds')
  if ('inputs' in reference) {
    return loadPair(resolvePath(reference.inputs), resolvePath(reference.labels), request)
  }
  if ('path' in reference) return loadPath(resolvePath(reference.path), request)
  refuseOwnSettings(reference)
  const { bounds } = reference
  const dataset =
    reference.id === embeddedId
      ? embeddedDataset(split, bounds)
      : await loadPublished(findPublished(reference.id), { ...options, ...(bounds && { bounds }) })
  const sample = sampleOf(request)
  return sample ? sampleDataset(dataset, sample) : dataset
}

/** @throws ConfigError for a setting that a built-in data set determines itself */
function refuseOwnSettings(reference: DatasetSettings & { readonly id: string }): void {
  for (const key of ['classNames', 'image', 'columns'] as const) {
    if (reference[key] === undefined) continue
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${key}: only for your own data; "${reference.id}" determines it`,
    )
  }
}

/** `loadDataset` for the record of a published data set. */
export async function loadPublished(
  dataset: PublishedDataset,
  options: LoadOptions & Pick<DatasetSettings, 'bounds'>,
): Promise<Dataset> {
  const { split, bounds } = options
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
        `${path}: ${inspection.problem}; ` +
          `run \`robench data pull ${dataset.id}\` to download it again`,
      )
    }
    contents.push(inspection.content)
  }
  const { pixels, labels } = dataset.decode(contents)
  if (labels.length !== dataset.counts[split]) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${folder}: expected ${dataset.counts[split]} examples in the ${split} split, ` +
        `got ${labels.length}`,
    )
  }
  const { id, title, shape, classNames } = dataset
  return memoryDataset({
    id,
    title,
    split,
    toy: false,
    shape,
    classNames,
    pixels,
    labels,
    ...(bounds && { bounds }),
  })
}

/** Facts about a data set, as `robench data list` shows them. */
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
  /** `partial`: only some files. `embedded`: generated by robench, always available. */
  readonly state: 'present' | 'partial' | 'absent' | 'embedded'
  /** Where the files are expected. */
  readonly folder?: string
}

/** All built-in data sets. Only the existence of files is checked; loading verifies them. */
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
