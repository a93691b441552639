/** Requests to the host on a random linear classifier, with everything filled in that a test does not care about. */
import { predictions } from '../../core/model/predictions.ts'
import type { AttackPlugin } from '../../core/plugin/contract.ts'
import type { AttackRequest } from '../../core/plugin/attack-request.ts'
import { resolveOptions } from '../../core/plugin/options.ts'
import { randomStream } from '../../core/base/random.ts'
import { float32 } from '../../core/engine/tensor/tensor.ts'
import { LinearModel, randomLinearClassifier, worstCaseMargin } from '../../core/testing/index.ts'
import type { LinearClassifier } from '../../core/testing/index.ts'

export interface LinearCase {
  readonly classifier: LinearClassifier
  readonly request: Omit<AttackRequest, 'plugin' | 'options'>
  /** The exact worst margin of each example. */
  readonly margins: readonly number[]
}

/** Examples uniform in [0, 1], labelled as the classifier predicts them. */
export async function linearCase(
  shape: { readonly classes: number; readonly count: number; readonly size: number },
  changes: Partial<AttackRequest> & Pick<AttackRequest, 'threatModel'>,
): Promise<LinearCase> {
  const { classes, count, size } = shape
  const classifier = randomLinearClassifier([1, 1, size], classes, 7)
  const model = new LinearModel(classifier)
  const stream = randomStream(7, 'linear case')
  const pixels = Float32Array.from({ length: count * size }, () => stream.uniform())
  const inputs = float32([count, 1, 1, size], pixels)
  const labels = predictions(await model.logits(inputs))
  const margins = Array.from(labels, (label, row) =>
    worstCaseMargin(
      classifier,
      changes.threatModel,
      pixels.subarray(row * size, (row + 1) * size),
      label,
    ),
  )
  const request = {
    model,
    inputs,
    labels,
    cleanPredictions: labels,
    exampleIndices: Array.from(labels.keys()),
    seed: 0,
    batchSize: 16,
    signal: new AbortController().signal,
    ...changes,
  }
  return { classifier, request, margins }
}

/** The part of a request that says which attack, options checked and filled in. */
export function withOptions(
  plugin: AttackPlugin<never>,
  options: Readonly<Record<string, unknown>> = {},
): Pick<AttackRequest, 'plugin' | 'options'> {
  return { plugin, options: resolveOptions(plugin.meta, options, 'options') }
}
