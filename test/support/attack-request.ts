/** Builds requests to the plugin host; a test states only the fields that it depends on. */
import type { AttackPlugin } from '../../core/plugin/contract.ts'
import type { AttackRequest } from '../../core/plugin/attack-request.ts'
import { resolveOptions } from '../../core/plugin/options.ts'
import { LinearModel, randomLinearClassifier, worstCaseMargin } from '../../core/testing/index.ts'
import type { LinearClassifier } from '../../core/testing/index.ts'
import { predictedLabels, uniformInputs } from './attack-task.ts'

type Request = Omit<AttackRequest, 'plugin' | 'options'>

/** A request for examples that the model classifies correctly, with seed 0 and batches of 16. */
export async function attackRequest<Changes extends Partial<AttackRequest>>(
  given: Pick<Request, 'model' | 'inputs' | 'threatModel'> & Changes,
): Promise<Request & Changes> {
  const labels = given.labels ?? (await predictedLabels(given.model, given.inputs))
  return {
    labels,
    cleanPredictions: labels,
    exampleIndices: Array.from(labels.keys()),
    seed: 0,
    batchSize: 16,
    signal: new AbortController().signal,
    ...given,
  }
}

/** A random linear classifier and how many examples to draw. */
export interface LinearProblem {
  readonly classes: number
  readonly count: number
  /** Components of an example, or its shape `[c, h, w]`. */
  readonly size: number | readonly [channels: number, height: number, width: number]
  /** Of the classifier and the examples; 7 by default. */
  readonly seed?: number
  /** Factor of all logits; 1 by default. */
  readonly scale?: number
}

export interface LinearCase {
  readonly classifier: LinearClassifier
  readonly request: Request
  /** The exact worst-case margin of each example. */
  readonly margins: readonly number[]
}

/** Examples uniform in [0, 1) with the classifier's predictions as labels. */
export async function linearCase(
  { classes, count, size, seed = 7, scale = 1 }: LinearProblem,
  changes: Partial<AttackRequest> & Pick<AttackRequest, 'threatModel'>,
): Promise<LinearCase> {
  const shape = typeof size === 'number' ? ([1, 1, size] as const) : size
  const plain = randomLinearClassifier(shape, classes, seed)
  const classifier = {
    ...plain,
    weights: plain.weights.map((weight) => scale * weight),
    bias: plain.bias.map((value) => scale * value),
  }
  const inputs = uniformInputs([count, ...shape], seed, 'linear case')
  const request = await attackRequest({ model: new LinearModel(classifier), inputs, ...changes })
  const length = inputs.data.length / count
  const margins = Array.from(request.labels, (label, row) =>
    worstCaseMargin(
      classifier,
      changes.threatModel,
      inputs.data.subarray(row * length, (row + 1) * length),
      label,
    ),
  )
  return { classifier, request, margins }
}

/** The fields of a request that choose the attack; options are validated and filled in. */
export function withOptions(
  plugin: AttackPlugin<never>,
  options: Readonly<Record<string, unknown>> = {},
): Pick<AttackRequest, 'plugin' | 'options'> {
  return { plugin, options: resolveOptions(plugin.meta, options, 'options') }
}

/** How many outcomes have a mark: `b` broken, `r` robust, `w` wrong without attack. */
export function countOutcomes(outcomes: string, mark: 'b' | 'r' | 'w'): number {
  return outcomes.split(mark).length - 1
}
