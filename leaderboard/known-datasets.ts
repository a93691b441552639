/** The data sets of the board, with the hashes of their test splits. */
import { publishedDatasets } from '../core/data/catalog.ts'
import { isPrivateData } from '../core/data/dataset.ts'
import { embeddedId } from '../core/data/embedded.ts'

/** What every entry on a data set must state. */
export interface KnownDataset {
  /** Of a published data set. */
  readonly title?: string
  readonly examples: number
  readonly classes: number
  /** In order, of a published data set. */
  readonly classNames?: readonly string[]
  /** Height and width of the images of a published data set: `32 × 32`. */
  readonly size?: string
  /** Of `Dataset.hash`; undefined if robench does not list it. */
  readonly sha256?: string
}

/** Hashes of pixels and labels, by id: `robench data list` shows the files. */
const hashes: Readonly<Record<string, string>> = {
  cifar10: '054c114fe3c9b8e97130b8a3c530648056ee2b6f6d4cc33d35742f1948213b6d',
  mnist: 'f84ce8210d5ea61f45a294920d44af2519dc3fd08f28032d8bfec7c1fce9d8d6',
  'fashion-mnist': '8b99533ccff2d0ce4c57aaf1dfbd409ae0fe8dc8f35db68fa9378126e7759057',
}

/** Which data sets a board takes. */
export interface BoardRules {
  /** Whether it takes data sets of its owner, described by a JSON file. */
  readonly isPrivate: boolean
  /** What is known of a data set; undefined if nothing is. */
  datasetOf(id: string): KnownDataset | undefined
}

/** Rules of the public board: published data sets only. */
export const publicRules: BoardRules = { isPrivate: false, datasetOf: knownDataset }

/**
 * Rules of a private board: published data sets, and described ones. Entries on the descriptions
 * that are given must have their hash and number of examples.
 * @param descriptions paths of JSON descriptions, whose data is loaded
 * @throws ConfigError ROBENCH_DATA if a file is not a description, or its data is damaged
 */
export async function privateRules(descriptions: readonly string[] = []): Promise<BoardRules> {
  // Reading data takes longer to import than the rules take to apply.
  const { loadDataset } = await import('../core/data/load.ts')
  const own = new Map<string, KnownDataset>()
  for (const path of descriptions) {
    const { id, hash, count, classNames } = await loadDataset({ path }, { split: 'test' })
    own.set(id, { examples: count, classes: classNames.length, sha256: hash })
  }
  return { isPrivate: true, datasetOf: (id) => knownDataset(id) ?? own.get(id) }
}

/** Whether a private board may take a data set: it has an id of its owner's. */
export function isDescribed(id: string): boolean {
  return !isPrivateData(id) && id !== embeddedId
}

/** The data set of that id; undefined for toy data and private data. */
export function knownDataset(id: string): KnownDataset | undefined {
  const found = publishedDatasets.find((dataset) => dataset.id === id)
  if (!found) return undefined
  const sha256 = hashes[id]
  return {
    title: found.title,
    examples: found.counts.test,
    classes: found.classNames.length,
    classNames: found.classNames,
    size: found.shape.slice(1).join(' × '),
    ...(sha256 !== undefined && { sha256 }),
  }
}
