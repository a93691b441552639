/** Finds data sets by id, and tells ids from paths. */
import { statSync } from 'node:fs'
import { extname } from 'node:path'
import { ConfigError, didYouMean } from '../base/errors.ts'
import { publishedDatasets } from './catalog.ts'
import { embeddedId } from './embedded.ts'
import type { PublishedDataset } from './published.ts'

/** All ids, the embedded set last. */
export const datasetIds: readonly string[] = [...publishedDatasets.map(({ id }) => id), embeddedId]

/** The published data set of that id. @throws ConfigError ROBENCH_CONFIG with a suggestion */
export function findPublished(id: string): PublishedDataset {
  const found = publishedDatasets.find((dataset) => dataset.id === id)
  if (found) return found
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `unknown data set "${id}"${didYouMean(id, datasetIds) || '.'} ` +
      `Known: ${datasetIds.join(', ')}; or the path of your own data`,
  )
}

/**
 * Whether a word is the path of the user's own data, and no id: it has a slash or an extension, or
 * names a directory.
 */
export function isDataPath(word: string): boolean {
  if (datasetIds.includes(word)) return false
  return /[/\\]/.test(word) || extname(word) !== '' || isFolder(word)
}

/** Whether a directory exists at a path. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
