/** The amplitude search is exact on models of one wave, and projects if there is no transform. */
import { describe, expect, test } from 'vitest'
import {
  amplitudeSearch,
  amplitudeSearchCost,
} from '../../../../plugins/attacks/spectral/amplitude-search.ts'
import type { AmplitudeSearchOptions } from '../../../../plugins/attacks/spectral/amplitude-search.ts'
import type { AttackTask } from '../../../../core/attack/task.ts'

import { float32, sliceRows } from '../../../../core/engine/tensor/tensor.ts'
import type { FloatTensor } from '../../../../core/engine/tensor/tensor.ts'
import { LinearModel } from '../../../../core/testing/index.ts'
import {
  applyAmplitudeTransform,
  checkAmplitudeEvidence,
} from '../../../../core/threat/transforms/amplitude.ts'
import { referenceExamples } from '../../../../core/threat/reference-examples.ts'
import type { ThreatModel } from '../../../../core/threat/threat-model.ts'
import type { AmplitudeTransform } from '../../../../core/threat/transforms/amplitude.ts'
import { verifyInside } from '../../../../core/threat/verify.ts'
import { attackTask } from '../../../support/attack-task.ts'

const side = 8
const size = side * side
const wave = Float64Array.from({ length: size }, (_, at) =>
  Math.cos((2 * Math.PI * 2 * (at % side)) / side),
)

/** One image per contrast: 0.5 + contrast·wave. */
function images(contrasts: readonly number[]): FloatTensor {
  const data = contrasts.flatMap((contrast) => Array.from(wave, (value) => 0.5 + contrast * value))
  return float32([contrasts.length, 1, side, side], data)
}

/**
 * Class 0 if the contrast of the wave is above the threshold: z = (mean of 2·wave·x, threshold).
 */
function contrastModel(threshold: number): LinearModel {
  const weights = new Float64Array(2 * size)
  wave.forEach((value, i) => {
    weights[i] = (2 * value) / size
  })
  return new LinearModel({
    inputShape: [1, side, side],
    classes: 2,
    weights,
    bias: Float64Array.of(0, threshold),
  })
}

const options: AmplitudeSearchOptions = {
  distractors: 3,
  mixes: 4,
  steps: 6,
  stepSize: 0.1,
  loss: 'margin',
}

function taskOf(
  contrasts: readonly number[],
  transform: AmplitudeTransform | undefined,
  { epsilon = 0.01, norm = 'Linf' }: Partial<ThreatModel> = {},
): AttackTask {
  return attackTask({
    model: contrastModel(0.15),
    inputs: images(contrasts),
    labels: new Int32Array(contrasts.length),
    threatModel: { norm, epsilon, bounds: [0, 1], ...(transform && { transform }) },
    reference: referenceExamples(images([0, 0]), new Int32Array(2)),
    batchSize: 2,
  })
}

const contrasts = [0.2, 0.29, 0.31, 0.4]

describe('in a threat model with transform amplitude', () => {
  /** Runs the search, recomputes T(x) from its evidence, and returns which examples are fooled. */
  async function fooledBy(transform: AmplitudeTransform): Promise<boolean[]> {
    const task = taskOf(contrasts, transform)
    const { adversarial, evidence } = await amplitudeSearch(task, options, transform)
    expect(checkAmplitudeEvidence(transform, evidence, task.inputs.shape, 2)).toBeUndefined()
    const { bounds } = task.threatModel
    const repeated = await applyAmplitudeTransform(task.inputs, evidence, task.reference, bounds)
    expect(repeated).toEqual(adversarial)
    const { data } = await task.model.logits(adversarial)
    return contrasts.map((_, row) => data[2 * row + 1]! > data[2 * row]!)
  }

  test('scaling by 1 − ρ breaks exactly the contrasts below threshold / (1 − ρ)', async () => {
    const fooled = await fooledBy({ kind: 'amplitude', mix: 0, scale: 0.5 })
    expect(fooled).toEqual([true, true, false, false])
  })

  test('mixing with gray breaks exactly the contrasts below threshold / (1 − λ)', async () => {
    const fooled = await fooledBy({ kind: 'amplitude', mix: 0.5, scale: 0 })
    expect(fooled).toEqual([true, true, false, false])
  })

  test('mixing and scaling break those below threshold / ((1 − λ)·(1 − ρ))', async () => {
    expect(await fooledBy({ kind: 'amplitude', mix: 0.5, scale: 0.2 })).toEqual([
      true,
      true,
      true,
      false,
    ])
    expect(await fooledBy({ kind: 'amplitude', mix: 0.5, scale: 0.3 })).toEqual([
      true,
      true,
      true,
      true,
    ])
  })

  test('without mixing and scaling the inputs are returned at no cost', async () => {
    const none = { kind: 'amplitude', mix: 0, scale: 0 } as const
    const task = taskOf(contrasts, none)
    const { adversarial } = await amplitudeSearch(task, options, none)
    expect(adversarial).toEqual(task.inputs)
    expect(task.model.passes).toEqual({ forward: 0, backward: 0 })
  })
})

test.each([
  { mix: 0.2, scale: 0.1 },
  { mix: 0.2, scale: 0 },
  { mix: 0, scale: 0.1 },
])('the cost is exact for an example that is never fooled: %j', async (limits) => {
  const task = taskOf([0.4], undefined)
  await amplitudeSearch(task, options, limits)
  expect(task.model.passes).toEqual(amplitudeSearchCost(options, limits))
})

test.each(['Linf', 'L2', 'L1'] as const)(
  'without a transform, points are in the %s ball',
  async (norm) => {
    const epsilon = { Linf: 0.02, L2: 0.1, L1: 0.5 }[norm]
    const task = taskOf([0.16, 0.2, 0.4], undefined, { norm, epsilon })
    const { adversarial } = await amplitudeSearch(task, options, { mix: 0.5, scale: 0.5 })
    for (let row = 0; row < 3; row++) {
      const [center, point] = [task.inputs, adversarial].map(
        (of) => sliceRows(of, row, row + 1).data,
      )
      expect(verifyInside(task.threatModel, center!, point!)).toBeUndefined()
    }
    // Each ball contains a misclassified image of lower contrast near the first input.
    const { data } = await task.model.logits(adversarial)
    expect(data[1]! > data[0]!).toBe(true)
  },
)
