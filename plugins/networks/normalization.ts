/** The normalization that residual networks share, as an option. */
import type { Value } from '../../core/api/graph.ts'
import { batchNormalization, groupNormalization } from '../../core/api/training.ts'
import type { LayerScope } from '../../core/api/training.ts'

/** The schema of the option `normalization`. */
export const normalizationSchema = {
  enum: ['batch', 'group'],
  default: 'batch',
  description:
    '`batch` uses the statistics of the batch in training; `group` those of 16 channels of each ' +
    'example (Wu and He 2018)',
} as const

/** A value of the option `normalization`. */
export type Normalization = (typeof normalizationSchema.enum)[number]

/**
 * Batch normalization, or group normalization with 16 channels per group, the best fixed number in
 * Table 3 of Wu and He 2018 (arXiv:1803.08494). If 16 does not divide the channels, groups are
 * larger.
 */
export function normalize(scope: LayerScope, x: Value, kind: Normalization): Value {
  return kind === 'batch'
    ? batchNormalization(scope, x)
    : groupNormalization(scope, x, groupsOf(Number(x.shape[1])))
}

/** The largest number of equal groups with at least 16 channels each; at least 1. */
function groupsOf(channels: number): number {
  let groups = Math.max(1, Math.floor(channels / 16))
  while (channels % groups !== 0) groups -= 1
  return groups
}
