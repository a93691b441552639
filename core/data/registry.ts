/** Finds data sets by id. */
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
      `Known: ${datasetIds.join(', ')}; or a pair of .npy files`,
  )
}
