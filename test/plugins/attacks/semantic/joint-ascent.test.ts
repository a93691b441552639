/** The joint ascent equals PGD with fixed attributes, matches its evidence, and obeys the guard. */
import { expect, test } from 'vitest'
import { jointAscent } from '../../../../plugins/attacks/semantic/joint-ascent.ts'
import type { JointAscentOptions } from '../../../../plugins/attacks/semantic/joint-ascent.ts'
import { freeNoise } from '../../../../plugins/attacks/semantic/perturbation-source.ts'
import { projectedGradient } from '../../../../plugins/attacks/gradient/projected-gradient.ts'
import type { AttackTask } from '../../../../core/attack/task.ts'
import { predictions } from '../../../../core/model/predictions.ts'
import { gatherRows } from '../../../../core/engine/tensor/tensor.ts'
import { LinearModel, randomLinearClassifier } from '../../../../core/testing/index.ts'
import { applyAttributeTransform } from '../../../../core/threat/transforms/attribute.ts'
import type { Norm } from '../../../../core/threat/threat-model.ts'
import type { AttributeRanges } from '../../../../core/threat/transforms/attribute.ts'
import { distance } from '../../../../core/threat/verify.ts'
import { predictedTask, uniformInputs } from '../../../support/attack-task.ts'

const shape = [1, 6, 6] as const
const count = 30
const model = new LinearModel(randomLinearClassifier(shape, 3, 8))
const bounds = [0, 1] as const
const epsilons = { Linf: 0.03, L2: 0.12, L1: 0.3 } as const
const options: JointAscentOptions = {
  steps: 5,
  restarts: 3,
  attributeStep: 0.1,
  loss: 'cross-entropy',
  semanticGuard: false,
}

function makeTask(norm: Norm, ranges: AttributeRanges): Promise<AttackTask> {
  return predictedTask({
    model,
    inputs: uniformInputs([count, ...shape], 'joint ascent'),
    threatModel: {
      norm,
      epsilon: epsilons[norm],
      bounds,
      transform: { kind: 'attribute', ranges },
    },
    batchSize: 8,
  })
}

const wide: AttributeRanges = { rotation: [-60, 60], contrast: [0.5, 1.5], translationY: [-1, 1] }

test.each(['Linf', 'L2'] as const)('%s: with ranges of one value it equals pgd', async (norm) => {
  const task = await makeTask(norm, { rotation: [0, 0] })
  const stepSize = epsilons[norm] / 4
  const joint = await jointAscent(task, options, freeNoise(36, stepSize))
  const alone = await projectedGradient(task, {
    ...options,
    stepSize,
    randomStart: true,
    goal: 'untargeted',
    target: 'random',
  })
  const broken = async (images: typeof alone): Promise<boolean[]> =>
    Array.from(predictions(await model.logits(images)), (k, row) => k !== task.labels[row])
  const found = await broken(joint.adversarial)
  expect(found).toContain(true)
  expect(found).toContain(false)
  expect(found).toEqual(await broken(alone))
})

test.each(['Linf', 'L2'] as const)(
  '%s: points lie exactly in the ball around T(x) of the evidence',
  async (norm) => {
    const task = await makeTask(norm, wide)
    const result = await jointAscent(task, options, freeNoise(36, epsilons[norm] / 4))
    const centers = await applyAttributeTransform(task.inputs, result.transform, bounds)
    for (let row = 0; row < count; row++) {
      const [center, point] = [centers, result.adversarial].map((t) => gatherRows(t, [row]).data)
      expect(distance(norm, center!, point!)).toBeLessThanOrEqual(epsilons[norm])
    }
    const bare = await jointAscent(task, options)
    const transformed = await applyAttributeTransform(task.inputs, bare.transform, bounds)
    expect(bare.adversarial.data).toEqual(transformed.data)
  },
)

test('only with the guard is T(x) of every broken example classified correctly', async () => {
  const task = await makeTask('Linf', wide)
  const count = async (semanticGuard: boolean): Promise<{ broken: number; lost: number }> => {
    const result = await jointAscent(task, { ...options, semanticGuard }, freeNoise(36, 0.01))
    const centers = await applyAttributeTransform(task.inputs, result.transform, bounds)
    const ofCenters = predictions(await model.logits(centers))
    const ofPoints = predictions(await model.logits(result.adversarial))
    const broken = Array.from(task.labels.keys()).filter(
      (row) => ofPoints[row] !== task.labels[row],
    )
    const lost = broken.filter((row) => ofCenters[row] !== task.labels[row])
    return { broken: broken.length, lost: lost.length }
  }
  expect(await count(true)).toEqual({ broken: 26, lost: 0 })
  expect(await count(false)).toEqual({ broken: 30, lost: 12 })
})

test('a threat model without an attribute transform is rejected', async () => {
  const task = await makeTask('Linf', wide)
  const { transform: _transform, ...plain } = task.threatModel
  await expect(
    jointAscent({ ...task, threatModel: plain }, options),
  ).rejects.toThrowErrorMatchingInlineSnapshot(
    `[ConfigError: expected a threat model with transform "attribute", got none; add a transform with attribute ranges to the threat model]`,
  )
})
