/** A stochastic model is scored with several fresh predictions of each adversarial example. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { predictShard } from '../../../core/bench/execute/evaluate-shard.ts'
import { memoryDataset } from '../../../core/data/memory-dataset.ts'
import { writeOnnx } from '../../../core/engine/onnx/file.ts'
import { float32 } from '../../../core/engine/tensor/tensor.ts'
import { loadModel } from '../../../core/model/load.ts'
import { plainManifest } from '../../../core/model/manifest.ts'
import type { Model } from '../../../core/model/model.ts'
import type { AttackContext, AttackPlugin } from '../../../core/plugin/contract.ts'
import { defineAttack } from '../../../core/plugin/define.ts'
import { runAttack } from '../../../core/plugin/host.ts'
import type { HostedResult } from '../../../core/plugin/host.ts'
import { LinearModel, randomLinearClassifier } from '../../../core/testing/index.ts'
import { bpda } from '../../../plugins/attacks/wrappers/bpda.ts'
import { pgd } from '../../../plugins/attacks/gradient/pgd.ts'
import { attackRequest, withOptions } from '../../support/attack-request.ts'
import { float, node, onnxGraph } from '../../support/onnx-file.ts'

/** Class 0 if x + 0.1·n > 0.5, for n standard normal. */
let model: Model
/** The same model, with the noise declared as a purifier. */
let purified: Model
beforeAll(async () => {
  const graph = onnxGraph({
    input: ['n', 1, 1, 1],
    nodes: [
      node('RandomNormalLike', 'x', 'noise', { scale: float(0.1) }),
      node('Add', 'x noise', 'z'),
      node('Flatten', 'z', 'flat'),
      node('Gemm', 'flat w b', 'y'),
    ],
    initializers: { w: float32([1, 2], [1, -1]), b: float32([2], [-0.5, 0.5]) },
  })
  model = await loadModel(writeOnnx(graph), plainManifest)
  const purifier = { name: 'purifier', input: 'x', output: 'z', backward: 'identity' } as const
  purified = await loadModel(writeOnnx(graph), { ...plainManifest, components: [purifier] })
})
afterAll(() => Promise.all([model.dispose(), purified.dispose()]))

/** An attack that subtracts a constant. */
function shift(by: number): AttackPlugin<never> {
  const meta = {
    id: 'acme/shift',
    apiVersion: 1,
    version: 1,
    title: 'Shift',
    provenance: 'own',
    norms: ['Linf'],
    knowledge: 'white-box',
    goals: ['untargeted'],
    stochastic: false,
    optionsSchema: { type: 'object' },
  } as const
  return defineAttack({
    meta,
    run: async ({ inputs }: AttackContext) =>
      float32(
        inputs.shape,
        inputs.data.map((value) => value - by),
      ),
    cost: () => ({ forward: 0, backward: 0 }),
  })
}

/** The probability that a point is classified as class 0: Φ((x − 0.5) / 0.1), in steps of 0.05. */
const normal: Readonly<Record<string, number>> = {
  '-1': 0.1587,
  '0': 0.5,
  '0.5': 0.6915,
  '1': 0.8413,
}

async function attack(
  starts: readonly number[],
  by: number,
  changes: { readonly draws?: number; readonly batchSize?: number } = {},
  attacked: Model = model,
): Promise<HostedResult> {
  const count = starts.length
  const request = await attackRequest({
    model: attacked,
    inputs: float32([count, 1, 1, 1], starts),
    labels: new Int32Array(count),
    threatModel: { norm: 'Linf', epsilon: 0.6, bounds: [0, 1] },
    ...changes,
  })
  return runAttack({ ...request, plugin: shift(by), options: {} })
}

describe('the host', () => {
  test('predicts 10 times by default, and breaks an example unless most are correct', async () => {
    const { outcomes, draws } = await attack([0.95, 0.9, 0.85, 0.8, 0.75], 0.3)
    expect(draws?.count).toBe(10)
    draws!.correct.forEach((correct, row) => {
      expect(outcomes[row]).toBe(correct > 5 ? 'r' : 'b')
    })
    expect(draws!.correct[0]).toBeGreaterThan(draws!.correct[4]!)
  })

  test('draws with the probability of each point', async () => {
    const points = Object.keys(normal).map(Number)
    const { draws } = await attack(
      points.map((z) => 0.8 + 0.1 * z),
      0.3,
      { draws: 2000 },
    )
    points.forEach((z, row) => {
      // Four standard errors.
      expect(Math.abs(draws!.correct[row]! / 2000 - normal[z]!)).toBeLessThan(0.045)
    })
  })

  test('breaks an example in a tie', async () => {
    const starts = Array.from({ length: 40 }, (_, row) => 0.8 + row / 1000)
    const { outcomes, draws } = await attack(starts, 0.3, { draws: 2 })
    const ties = draws!.correct.flatMap((correct, row) => (correct === 1 ? [outcomes[row]] : []))
    expect(ties.length).toBeGreaterThan(5)
    expect(new Set(ties)).toEqual(new Set(['b']))
  })

  test('gives the same counts in batches of any size and for a part of the examples', async () => {
    const starts = [0.95, 0.9, 0.85, 0.8, 0.75]
    const whole = await attack(starts, 0.3)
    expect((await attack(starts, 0.3, { batchSize: 2 })).draws).toEqual(whole.draws)
    const part = await attack(starts.slice(2), 0.3)
    expect(part.draws!.correct).toEqual(whole.draws!.correct.slice(2))
  })

  test('predicts a deterministic model once', async () => {
    const linear = new LinearModel(randomLinearClassifier([1, 1, 1], 2, 3))
    const { draws } = await attack([0.95, 0.8], 0.3, { draws: 7 }, linear)
    expect(draws).toBeUndefined()
    expect(linear.passes.forward).toBe(2)
  })
})

test('a stochastic purifier is scored with several purifications, also under bpda', async () => {
  const starts = [0.95, 0.9, 0.85, 0.8, 0.75]
  const request = await attackRequest({
    model: purified,
    inputs: float32([5, 1, 1, 1], starts),
    labels: new Int32Array(5),
    threatModel: { norm: 'Linf', epsilon: 0.3, bounds: [0, 1] },
    draws: 200,
  })
  const inner = withOptions(pgd, { steps: 10 })
  const { adversarial, draws } = await runAttack({ ...request, ...withOptions(bpda), inner })
  draws!.correct.forEach((correct, row) => {
    const z = (adversarial.data[row]! - 0.5) / 0.1
    // Within 0.01 of Φ(z); a fraction of 200 draws is within 0.142 of it (four standard errors).
    const probability = 1 / (1 + Math.exp(-1.702 * z))
    expect(adversarial.data[row]).toBeLessThan(starts[row]!)
    expect(Math.abs(correct / 200 - probability)).toBeLessThan(0.152)
  })
})

test('without an attack, an example is correct if most predictions are', async () => {
  const pixels = Float32Array.of(0.7, 0.6, 0.55, 0.45, 0.4, 0.3)
  const examples = memoryDataset({
    id: 'data',
    title: 'data',
    split: 'test',
    toy: false,
    classNames: [],
    shape: [1, 1, 1],
    pixels,
    labels: new Int32Array(6),
  })
  const { signal } = new AbortController()
  const work = { model, examples, shard: { start: 0, end: 6 }, batchSize: 4, signal }
  expect(await predictShard({ ...work, draws: 200 })).toEqual({
    outcomes: '111000',
    forwardPasses: 1200,
    backwardPasses: 0,
  })
})
