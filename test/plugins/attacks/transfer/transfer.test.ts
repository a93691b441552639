/** Transfer between linear models: results, costs, and rejected surrogates. */
import { describe, expect, test } from 'vitest'
import { predictions } from '../../../../core/model/predictions.ts'
import type { AttackContext, WrappedAttack } from '../../../../core/plugin/contract.ts'
import { runAttack } from '../../../../core/plugin/host.ts'
import type { AttackRequest } from '../../../../core/plugin/attack-request.ts'
import { float32, gatherRows } from '../../../../core/engine/tensor/tensor.ts'
import { LinearModel, randomLinearClassifier } from '../../../../core/testing/index.ts'
import type { LinearClassifier } from '../../../../core/testing/index.ts'
import { diFgsm } from '../../../../plugins/attacks/gradient/di-fgsm.ts'
import { square } from '../../../../plugins/attacks/square/square.ts'
import { transfer } from '../../../../plugins/attacks/transfer/transfer.ts'
import { countOutcomes, linearCase, withOptions } from '../../../support/attack-request.ts'

const threatModel = { norm: 'Linf', epsilon: 0.05, bounds: [0, 1] } as const
const shape = { classes: 3, count: 60, size: 48 }

/** A surrogate: the classifier with a fraction of random weights. */
function similar(classifier: LinearClassifier, fraction: number, seed: number): LinearModel {
  const { weights } = randomLinearClassifier(classifier.inputShape, classifier.classes, seed)
  const mixed = classifier.weights.map((w, i) => (1 - fraction) * w + fraction * weights[i]!)
  return new LinearModel({ ...classifier, weights: mixed })
}

const crafting = { steps: 5, stopWhenFooled: false, probability: 0 }

async function subject(inner: AttackRequest['inner'] = withOptions(diFgsm, crafting)) {
  const { request, classifier } = await linearCase(shape, { threatModel })
  return { classifier, request: { ...request, ...withOptions(transfer, {}), inner } }
}

function broken({ outcomes }: { readonly outcomes: string }): number {
  return countOutcomes(outcomes, 'b')
}

describe('the result', () => {
  test('of the model as its own surrogate is that of the wrapped attack', async () => {
    const { request, classifier } = await subject()
    const surrogates = [new LinearModel(classifier)]
    const transferred = await runAttack({ ...request, surrogates })
    const direct = await runAttack({ ...request, ...withOptions(diFgsm, crafting) })
    expect(transferred.adversarial).toEqual(direct.adversarial)
    expect(transferred.forwardPasses).toBe(60)
    expect(transferred.backwardPasses).toBe(0)
    expect(surrogates[0]!.passes).toEqual({ forward: 360, backward: 300 })
  })

  test('grows with similarity, and two surrogates break the union', async () => {
    const { request, classifier } = await subject()
    const near = similar(classifier, 0.2, 1)
    const far = similar(classifier, 0.6, 2)
    const [fromNear, fromFar, fromBoth] = [
      await runAttack({ ...request, surrogates: [near] }),
      await runAttack({ ...request, surrogates: [far] }),
      await runAttack({ ...request, surrogates: [near, far] }),
    ]
    expect([fromNear, fromFar].map(broken)).toEqual([37, 16])
    const either = [...fromNear.outcomes].filter(
      (outcome, row) => outcome === 'b' || fromFar.outcomes[row] === 'b',
    )
    expect(broken(fromBoth)).toBe(either.length)
    // The second surrogate attacks the examples that the first did not break.
    expect(fromBoth.forwardPasses).toBe(60 + 60 - broken(fromNear))
  })

  test('transfers less if the wrapped attack stops when it fools the surrogate', async () => {
    const { request, classifier } = await subject()
    const surrogates = [similar(classifier, 0.3, 1)]
    const continuing = await runAttack({ ...request, surrogates })
    const inner = withOptions(diFgsm, { ...crafting, stopWhenFooled: true })
    const stopping = await runAttack({ ...request, inner, surrogates })
    expect([continuing, stopping].map(broken)).toEqual([35, 15])
  })

  test('has the same bytes in any batch and order', async () => {
    const { request, classifier } = await subject(withOptions(square, { queries: 20 }))
    const surrogates = [similar(classifier, 0.2, 1), similar(classifier, 0.6, 2)]
    const whole = await runAttack({ ...request, surrogates, batchSize: 1 })
    const rows = Array.from(request.labels.keys()).toReversed()
    const reversed = await runAttack({
      ...request,
      surrogates,
      inputs: gatherRows(request.inputs, rows),
      labels: request.labels.toReversed(),
      cleanPredictions: request.labels.toReversed(),
      exampleIndices: rows,
      batchSize: 7,
    })
    expect(reversed.adversarial).toEqual(gatherRows(whole.adversarial, rows))
    expect(broken(whole)).toBe(9)
    const reseeded = await runAttack({ ...request, surrogates, seed: 1 })
    expect(reseeded.adversarial).not.toEqual(whole.adversarial)
  })
})

test('a surrogate that misclassifies every example is attacked only without stopping', async () => {
  const { request, classifier } = await subject()
  // The largest logit becomes the smallest.
  const wrong = new LinearModel({
    ...classifier,
    weights: classifier.weights.map((w) => -w),
    bias: classifier.bias.map((b) => -b),
  })
  const labels = predictions(await wrong.logits(request.inputs))
  expect(labels.filter((label, row) => label !== request.labels[row])).toHaveLength(60)
  const continuing = await runAttack({ ...request, surrogates: [wrong] })
  expect(continuing.adversarial).not.toEqual(request.inputs)
  const inner = withOptions(diFgsm, { ...crafting, stopWhenFooled: true })
  const stopping = await runAttack({ ...request, inner, surrogates: [wrong] })
  expect(stopping.adversarial).toEqual(request.inputs)
})

/** A wrapped attack that returns fixed points and records its inputs. */
function returning(points: readonly (readonly number[])[], given: number[][]): WrappedAttack {
  return {
    meta: diFgsm.meta,
    async run({ inputs }) {
      const chosen = points[given.length]!
      given.push([...inputs.data])
      return float32(inputs.shape, chosen.slice(0, inputs.data.length))
    },
  }
}

test('the first point that fools wins, or else the one with the largest margin', async () => {
  // Class 1 if the pixel is above 0.5.
  const classifier = { inputShape: [1, 1, 1], classes: 2 } as const
  const model = new LinearModel({
    ...classifier,
    weights: Float64Array.of(-1, 1),
    bias: Float64Array.of(0.5, -0.5),
  })
  const given: number[][] = []
  const reported: number[] = []
  const context = {
    model,
    inputs: float32([2, 1, 1, 1], [0.25, 0.125]),
    labels: Int32Array.of(0, 0),
    threatModel: { norm: 'Linf', epsilon: 0.5, bounds: [0, 1] },
    options: withOptions(transfer).options,
    surrogates: [model, model, model],
    inner: returning([[0.75, 0.25], [0.5], [0.375]], given),
    signal: new AbortController().signal,
    batchSize: 1,
    progress: (done: number) => reported.push(done),
  } as const satisfies Partial<AttackContext>
  // The attack uses these fields only.
  const points = await transfer.run(context as unknown as AttackContext<never>)
  expect(points).toEqual(float32([2, 1, 1, 1], [0.75, 0.5]))
  expect(given).toEqual([[0.25, 0.125], [0.125], [0.125]])
  expect(reported.at(-1)).toBe(2)
})

describe('rejects', () => {
  test('a surrogate with another input shape', async () => {
    const { request } = await subject()
    const surrogates = [new LinearModel(randomLinearClassifier([3, 4, 4], 3, 1))]
    await expect(runAttack({ ...request, surrogates })).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: surrogates/0: expected a model with inputs [1, 1, 48] and 3 classes like the target, got one with inputs [3, 4, 4] and 3 classes; choose models of the same data set]`,
    )
  })

  test('an empty list of surrogates', async () => {
    const { request } = await subject()
    await expect(
      runAttack({ ...request, surrogates: [] }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: transfer: expected at least one surrogate, got none; use it in a suite with several models]`,
    )
  })
})

test('it costs one pass of the target per surrogate', () => {
  const cost = (surrogates: readonly string[]) =>
    transfer.cost(withOptions(transfer, { surrogates }).options as never, 10)
  expect(cost(['a', 'b'])).toEqual({ forward: 2, backward: 0 })
  expect(cost([])).toEqual({ forward: 1, backward: 0 })
})
