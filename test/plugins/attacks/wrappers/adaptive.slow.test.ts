/** Adaptive attacks break masked gradients: quantization, noise, and a gradient step. */
import { resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { meanModel } from '../../../../plugins/attacks/wrappers/adaptive-model.ts'
import { sumBy } from '../../../../core/base/sum.ts'
import { embeddedDataset } from '../../../../core/data/embedded.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import { toOnnx } from '../../../../core/engine/graph/serialize.ts'
import type { Value } from '../../../../core/engine/graph/value.ts'
import { loadModel } from '../../../../core/model/load.ts'
import { margin } from '../../../../core/model/losses.ts'
import { plainManifest } from '../../../../core/model/manifest.ts'
import type { Model } from '../../../../core/model/model.ts'
import { predictions } from '../../../../core/model/predictions.ts'
import { writeOnnx } from '../../../../core/engine/onnx/file.ts'
import type { AttackRequest } from '../../../../core/plugin/attack-request.ts'
import { runAttack } from '../../../../core/plugin/host.ts'
import type { DefenseContext } from '../../../../core/plugin/contract.ts'
import { resolveOptions } from '../../../../core/plugin/options.ts'
import { attackLosses } from '../../../../core/attack/attack-loss.ts'
import { sliceRows, tensor, type FloatTensor } from '../../../../core/engine/tensor/tensor.ts'
import {
  compiledLinearModel,
  LinearModel,
  randomLinearClassifier,
  worstCaseMargin,
} from '../../../../core/testing/index.ts'
import { bpda } from '../../../../plugins/attacks/wrappers/bpda.ts'
import { eot } from '../../../../plugins/attacks/wrappers/eot.ts'
import { gradientAware } from '../../../../plugins/attacks/wrappers/gradient-aware.ts'
import { autoattack } from '../../../../plugins/attacks/autoattack/autoattack.ts'
import { pgd } from '../../../../plugins/attacks/gradient/pgd.ts'
import { gradientStep } from '../../../../plugins/defenses/gradient-step/gradient-step.ts'
import { attackRequest, countOutcomes, withOptions } from '../../../support/attack-request.ts'
import { float, node, onnxGraph, randomTensor } from '../../../support/onnx-file.ts'

const shape = [3, 4, 4] as const
const classes = 4
const classifier = randomLinearClassifier(shape, classes, 3)
const weights = g.floats([classes, 48], [...classifier.weights])
const bias = g.floats([classes], [...classifier.bias])

const linear = (x: Value): Value => g.gemm(g.op('Flatten', [x])[0]!, weights, bias, { transB: 1 })

/** A request with uniform pixels and the model's own predictions as labels. */
async function problem(
  model: Model,
  changes: Partial<AttackRequest> & Pick<AttackRequest, 'plugin' | 'options'>,
  count = 40,
): Promise<AttackRequest> {
  const inputs = unit(randomTensor([count, ...shape], 'images'))
  const labels = predictions(await model.variant({ draws: 'labels' }).logits(inputs))
  const threatModel = { norm: 'Linf', epsilon: 0.15, bounds: [0, 1] } as const
  return attackRequest({ model, inputs, labels, threatModel, ...changes })
}

const brokenIn = (outcomes: string): number => countOutcomes(outcomes, 'b')

describe('quantization before a linear classifier', () => {
  const load = (quantize: (x: Value) => Value): Promise<Model> => {
    const x = g.input('x', 'float32', ['n', ...shape])
    return loadModel(toOnnx({ logits: linear(quantize(x)) }, [x]), plainManifest)
  }
  const quantizers: [string, (x: Value) => Value][] = [
    ['by Round', (x) => g.mul(g.op('Round', [g.mul(x, 10)])[0]!, 0.1)],
    ['by thresholds', (x) => g.where(g.greater(x, 0.5), 0.9, 0.1)],
    ['to whole numbers', (x) => g.mul(g.cast(g.cast(g.mul(x, 10), 'int32'), 'float32'), 0.1)],
  ]
  test.each(quantizers)('%s stops pgd at its start but not bpda', async (_, quantize) => {
    const model = await load(quantize)
    const options = { steps: 10, randomStart: false }
    const request = await problem(model, withOptions(pgd, options))
    const { gradient } = await model.gradient(request.inputs, request.labels, margin)
    expect(gradient.data.every((value) => value === 0)).toBe(true)
    const stopped = await runAttack(request)
    expect(brokenIn(stopped.outcomes)).toBe(0)

    const inner = withOptions(pgd, options)
    const through = await runAttack({ ...request, ...withOptions(bpda), inner })
    expect(brokenIn(through.outcomes)).toBeGreaterThan(0.9 * request.labels.length)
    await model.dispose()
  })
})

describe('noise before a linear classifier', () => {
  let model: Model
  beforeAll(async () => {
    const graph = onnxGraph({
      input: ['n', ...shape],
      nodes: [
        node('RandomNormalLike', 'x', 'noise', { scale: float(0.3) }),
        node('Add', 'x noise', 'z'),
        node('Flatten', 'z', 'flat'),
        node('Gemm', 'flat w b', 'y', { transB: { type: 'int', value: 1 } }),
      ],
      initializers: { w: weights.node.tensor!, b: bias.node.tensor! },
    })
    model = await loadModel(writeOnnx(graph), plainManifest)
  })
  afterAll(() => model.dispose())

  const inner = withOptions(pgd, { steps: 10, loss: 'margin' })

  test('eot averages gradients and logits over several passes', async () => {
    const { inputs, labels } = await problem(model, inner, 5)
    const passes = model.variant({ draws: 'a' })
    const all = [0, 1, 2].map(() => passes.gradient(inputs, labels, margin))
    const expected = new Float64Array(inputs.data.length)
    const logits = new Float64Array(5 * classes)
    for (const pass of all) {
      const { gradient, logits: own } = await pass
      gradient.data.forEach((value, i) => (expected[i]! += value / 3))
      own.data.forEach((value, i) => (logits[i]! += value / 3))
    }
    const mean = meanModel(model.variant({ draws: 'a' }), 3)
    const result = await mean.gradient(inputs, labels, margin)
    expect(result.gradient.data).toBeAllclose(expected, { rtol: 1e-5, atol: 1e-6 })
    expect(result.logits.data).toBeAllclose(logits, { rtol: 1e-5, atol: 1e-5 })
  })

  /** Margins without noise, which are the means: the noise has mean 0 and the logits are linear. */
  async function meanMargins({ labels }: AttackRequest, points: FloatTensor): Promise<number[]> {
    const { data } = await new LinearModel(classifier).logits(points)
    return Array.from(labels, (label, row) =>
      attackLosses.margin.value(data.subarray(classes * row, classes * (row + 1)), label),
    )
  }

  test.each([
    ['pgd', withOptions(pgd, { steps: 20, loss: 'margin' })],
    ['autoattack', withOptions(autoattack, { version: 'custom', attacks: ['apgd-ce'], steps: 20 })],
  ])('eot of %s goes on to the largest margin of the ball', async (_, wrapped) => {
    const request = await problem(model, withOptions(eot, { samples: 20 }), 30)
    const { adversarial } = await runAttack({ ...request, inner: wrapped })
    const reached = await meanMargins(request, adversarial)
    request.labels.forEach((label, row) => {
      const { data } = sliceRows(request.inputs, row, row + 1)
      const largest = -worstCaseMargin(classifier, request.threatModel, data, label)
      // The largest margins are 1.5 to 13.4.
      expect(reached[row]).toBeGreaterThan(largest - 1.5)
    })
  })

  test('eot reaches larger mean margins than single passes', async () => {
    const request = await problem(model, inner, 80)
    const single = await runAttack(request)
    const mean = await runAttack({ ...request, ...withOptions(eot, { samples: 10 }), inner })
    const [own, more] = [single, mean].map(({ adversarial }) => meanMargins(request, adversarial))
    const gain = sumBy(await more!, (margin) => margin) - sumBy(await own!, (margin) => margin)
    expect(gain / 80).toBeGreaterThan(0.3)
  })

  test.each([
    ['pgd', inner, undefined],
    ['eot', withOptions(eot, { samples: 3 }), inner],
  ])('%s has the same outcome in batches of any size', async (_, attack, wrapped) => {
    const request = await problem(model, { ...attack, ...(wrapped && { inner: wrapped }) }, 20)
    const expected = await runAttack({ ...request, batchSize: 1 })
    for (const batchSize of [7, 20]) {
      const result = await runAttack({ ...request, batchSize })
      expect(result.adversarial.data).toEqual(expected.adversarial.data)
      expect(result.outcomes).toBe(expected.outcomes)
    }
  })
})

describe('a gradient step before a trained model', () => {
  const count = 60
  const data = embeddedDataset('test')
  const rows = Int32Array.from({ length: count }, (_, i) => i)
  let model: Model
  let request: Awaited<ReturnType<typeof attackRequest>>
  beforeAll(async () => {
    const { model: bytes, manifest } = await gradientStep.prepare({
      options: resolveOptions(
        gradientStep.meta,
        { base: 'models/quickstart-pgd-at.onnx' },
        'options',
      ),
      resolvePath: (path: string) => resolve(path),
      dataset: { id: data.id, shape: data.shape, classNames: data.classNames },
      threads: 1,
      // The defense uses these fields only.
    } as unknown as DefenseContext<never>)
    model = await loadModel(bytes, manifest, { name: 'gradient-step' })
    const inputs = data.rows(rows)
    request = await attackRequest({
      model,
      inputs,
      labels: data.labels.slice(0, count),
      cleanPredictions: predictions(await model.logits(inputs)),
      threatModel: { norm: 'Linf', epsilon: 8 / 255, bounds: [0, 1] },
      batchSize: count,
    })
  })
  afterAll(() => model.dispose())

  const robustIn = (outcomes: string): number => countOutcomes(outcomes, 'r')
  const run = (modes: readonly string[]): ReturnType<typeof runAttack> =>
    runAttack({ ...request, ...withOptions(gradientAware, { modes, steps: 10 }) })

  test('full breaks more than oblivious, and all modes together no less than each', async () => {
    const oblivious = robustIn((await run(['oblivious'])).outcomes)
    const full = robustIn((await run(['full'])).outcomes)
    expect(full).toBeLessThan(0.8 * oblivious)

    const { outcomes, stages } = await run(['oblivious', 'bpda', 'half', 'full', 'eot'])
    // On a deterministic model eot equals full.
    expect(stages!.map(({ name }) => name)).toEqual(['oblivious', 'bpda', 'half', 'full'])
    const left = stages!.map((stage) => robustIn(stage.outcomes))
    expect(left).toEqual(left.toSorted((a, b) => b - a))
    expect(left[0]).toBe(oblivious)
    expect(robustIn(outcomes)).toBeLessThanOrEqual(full)
  })
})

test('gradient-aware runs one mode on a model without components', async () => {
  const model = await compiledLinearModel(classifier)
  const request = await problem(model, withOptions(gradientAware, { steps: 2 }), 4)
  const { stages } = await runAttack(request)
  expect(stages!.map(({ name }) => name)).toEqual(['full'])
  await model.dispose()
})

function unit(x: FloatTensor): FloatTensor {
  return tensor(
    'float32',
    x.shape,
    x.data.map((value) => 0.5 + 0.5 * value),
  )
}
