/** The data sets of the board, with the hashes of their test splits. */
import { publishedDatasets } from '../core/data/catalog.ts'

/** What every entry on a data set must state. */
export interface KnownDataset {
  readonly examples: number
  readonly classes: number
  /** Of `Dataset.hash`; undefined if robench does not list it. */
  readonly sha256?: string
}

/** Hashes of pixels and labels, by id: `robench data list` shows the files. */
const hashes: Readonly<Record<string, string>> = {
  cifar10: '054c114fe3c9b8e97130b8a3c530648056ee2b6f6d4cc33d35742f1948213b6d',
  'fashion-mnist': '8b99533ccff2d0ce4c57aaf1dfbd409ae0fe8dc8f35db68fa9378126e7759057',
}

/** The data set of that id; undefined for toy data and private data. */
export function knownDataset(id: string): KnownDataset | undefined {
  const found = publishedDatasets.find((dataset) => dataset.id === id)
  if (!found) return undefined
  const sha256 = hashes[id]
  return {
    examples: found.counts.test,
    classes: found.classNames.length,
    ...(sha256 !== undefined && { sha256 }),
  }
}
