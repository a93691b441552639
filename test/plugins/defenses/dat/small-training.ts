/** DAT on a tiny network and a tiny training set. */
import { g } from '../../../../core/engine/graph/graph.ts'
import {
  batchNormalization,
  convolution,
  globalAverage,
  linear,
} from '../../../../core/training/layers.ts'
import type { NetworkDefinition } from '../../../../core/training/network.ts'
import { dat } from '../../../../plugins/defenses/dat/dat.ts'
import { prepareDefense } from '../../../support/defense-context.ts'
import { barsData } from '../training/bars.ts'

const network: NetworkDefinition = {
  title: 'tiny CNN',
  build(scope, images) {
    const x = convolution(scope, images, { channels: 4, kernel: 3 })
    return linear(scope, globalAverage(g.relu(batchNormalization(scope, x))), 2)
  },
}
const small = {
  epochs: 2,
  batchSize: 16,
  learningRate: 0.1,
  crop: 1,
  validation: 0,
  steps: 2,
  noiseSize: 4,
  generatorWidths: [8, 16],
  recombinedCrop: 1,
} as const

/** The part of a model card that the tests read. */
export interface Card {
  readonly parameters: number
  readonly epochs: readonly { readonly loss: number; readonly metrics?: { divergence: number } }[]
}

/** Trains for two epochs unless the options say otherwise. */
export async function trainSmall(
  options: Readonly<Record<string, unknown>>,
  built: NetworkDefinition = network,
): Promise<{ readonly model: Uint8Array; readonly card: Card }> {
  const setting = { shape: [1, 8, 8], network: built, data: barsData(1) } as const
  const { model, training } = await prepareDefense(dat, { ...small, ...options }, setting)
  return { model, card: training as unknown as Card }
}
