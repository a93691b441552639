/** The probes on models with known results: linear ones, and small graphs with one fault each. */
import { tensor } from '../../../../core/engine/tensor/tensor.ts'
import { describe, expect, test } from 'vitest'
import type { Check } from '../../../../core/bench/checks/check.ts'
import { signsOfOptimization } from '../../../../core/bench/checks/no-inner-optimization.ts'
import { probes } from '../../../../core/bench/checks/probes.ts'
import { probeCost, runProbes } from '../../../../core/bench/checks/run-probes.ts'
import { gradient } from '../../../../core/engine/graph/gradient.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import { toGraph, toOnnx } from '../../../../core/engine/graph/serialize.ts'
import type { Value } from '../../../../core/engine/graph/value.ts'
import { loadModel } from '../../../../core/model/load.ts'
import { plainManifest } from '../../../../core/model/manifest.ts'
import type { Model } from '../../../../core/model/model.ts'
import { readOnnx, writeOnnx } from '../../../../core/engine/onnx/file.ts'
import type { OnnxGraph } from '../../../../core/engine/onnx/file.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { norms } from '../../../../core/threat/threat-model.ts'
import { linearCase } from '../../../support/attack-request.ts'
import { builtinSearch, raised } from './support.ts'

const shape = { classes: 5, count: 24, size: 36 }
const threatModel = { norm: 'Linf', epsilon: 0.05, bounds: [0, 1] } as const

/** Checks of a model on examples that are labeled by a linear classifier. */
async function probe(
  changes: {
    model?: Model
    batchSize?: number
    graph?: OnnxGraph
    norm?: (typeof norms)[number]
    epsilon?: number
  } = {},
): Promise<Map<string, Check>> {
  const { norm = 'Linf', epsilon = 0.05, ...others } = changes
  const { request } = await linearCase(shape, { threatModel })
  const { model, inputs, labels, signal } = { ...request, ...others }
  const checks = await runProbes({
    model,
    inputs,
    labels,
    threatModel: { norm, epsilon, bounds: [0, 1] },
    rng: { stream: (row, restart, name = '') => randomStream(3, row, restart, name) },
    batchSize: others.batchSize ?? 16,
    ...(others.graph && { graph: others.graph }),
    signal,
    searchAttack: await builtinSearch(),
  })
  return new Map(checks.map((check) => [check.id, check]))
}

/** The graph of that linear classifier, with altered logits. */
async function altered(alter: (logits: Value, images: Value) => Value): Promise<Uint8Array> {
  const { classifier } = await linearCase(shape, { threatModel })
  const images = g.input('images', 'float32', ['n', 1, 1, shape.size])
  const weights = g.floats([shape.classes, shape.size], [...classifier.weights])
  const flat = g.op('Flatten', [images])[0]!
  const logits = g.gemm(flat, weights, g.floats([shape.classes], [...classifier.bias]), {
    transB: 1,
  })
  return toOnnx({ logits: alter(logits, images) }, [images])
}

const load = (bytes: Uint8Array): Promise<Model> => loadModel(bytes, plainManifest)

describe('a linear model', () => {
  test.each([
    ['Linf', 0.05],
    ['L2', 0.3],
    ['L1', 1.5],
  ] as const)('raises nothing in %s', async (norm, epsilon) => {
    const checks = await probe({ norm, epsilon })
    expect(raised([...checks.values()])).toEqual([])
    expect(checks.get('gradient-matches-differences')?.value).toBeCloseTo(1, 4)
    expect(checks.get('huge-epsilon-breaks')?.value).toBeLessThan(1 / shape.classes)
  })

  test('has the same checks for any batch size', async () => {
    const whole = await probe({ batchSize: 64 })
    expect(await probe({ batchSize: 1 })).toEqual(whole)
    expect(await probe({ batchSize: 7 })).toEqual(whole)
  })

  test('has a check for each probe, in order', async () => {
    expect([...(await probe()).keys()]).toEqual(probes.map(({ id }) => id))
  })

  test('costs the documented passes if nothing breaks', async () => {
    const { request } = await linearCase(shape, { threatModel })
    const { model } = request
    await probe({ model, epsilon: 1e-6 })
    const { forward, backward } = model.passes
    const { count } = shape
    // The labels took a pass. A huge ball breaks everything. The surrogate gradient of this model
    // is exact, and fewer readings apply to a row of pixels.
    expect(forward).toBeLessThanOrEqual(count * (probeCost.forward + 1))
    expect(forward).toBeGreaterThan(count * (probeCost.forward - 118))
    expect(backward).toBeLessThanOrEqual(count * probeCost.backward)
    expect(backward).toBeGreaterThan(count * (probeCost.backward - 85))
  })
})

describe('a model that is read in another way than it expects', () => {
  /** The check on the linear model with these labels and logits, on 64 examples. */
  async function reading(changes: {
    alter?: (logits: Value) => Value
    expect?: (images: Value) => Value
    relabel?: (label: number) => number
    manifest?: { mean: number[]; std: number[] }
  }): Promise<Check> {
    const wide = { ...shape, count: 64 }
    const { request, classifier } = await linearCase(wide, { threatModel })
    const { alter = (value) => value, relabel = (label) => label, manifest } = changes
    const images = g.input('images', 'float32', ['n', 1, 1, shape.size])
    const wanted = changes.expect?.(images) ?? images
    const weights = g.floats([shape.classes, shape.size], [...classifier.weights])
    const bias = g.floats([shape.classes], [...classifier.bias])
    const logits = g.gemm(g.op('Flatten', [wanted])[0]!, weights, bias, { transB: 1 })
    const model = await loadModel(toOnnx({ logits: alter(logits) }, [images]), {
      ...plainManifest,
      ...manifest,
    })
    const checks = await runProbes({
      ...request,
      ...(manifest && { manifest }),
      model,
      labels: request.labels.map(relabel),
      threatModel,
      rng: { stream: (row, restart, name = '') => randomStream(3, row, restart, name) },
      batchSize: 16,
      searchAttack: await builtinSearch(),
    })
    return checks.find(({ id }) => id === 'inputs-as-expected')!
  }

  test.each<[string, Parameters<typeof reading>[0], string]>([
    [
      'a file that takes images in [0, 255]',
      { expect: (images) => g.mul(images, 1 / 255) },
      'with --mean 0 --std 0.003922 it would be 100.0 %',
    ],
    [
      'a file that takes images in [−1, 1]',
      { expect: (images) => g.add(g.mul(images, 0.5), 0.5) },
      'with --mean 0.5 --std 0.5 it would be 100.0 %',
    ],
    [
      'a file that normalizes its input itself',
      { manifest: { mean: [0.5], std: [0.1] } },
      'without --mean and --std it would be 100.0 %',
    ],
    [
      'distances in place of logits',
      { alter: (logits) => g.mul(logits, -1) },
      'with the smallest output as the prediction it would be 100.0 %',
    ],
    [
      'labels from 1',
      { relabel: (label) => label + 1 },
      'with labels that start at 0 in place of 1 it would be 100.0 %',
    ],
    [
      'another order of the classes',
      { relabel: (label) => [2, 0, 3, 4, 1][label]! },
      '(0 is 1, 1 is 4, 2 is 0, 3 is 2, 4 is 3) it would be 100.0 %',
    ],
  ])('%s is named', async (_, changes, hint) => {
    const check = await reading(changes)
    expect(check.verdict).toBe('fail')
    expect(check.evidence).toContain(hint)
  })

  test('the reading that fits raises nothing', async () => {
    expect(await reading({})).toMatchObject({ verdict: 'pass', value: 0 })
  })
})

describe('the last operator of the file', () => {
  test.each<[string, Check['verdict'], (logits: Value) => Value]>([
    ['Softmax', 'fail', (logits) => g.softmax(logits)],
    ['Sigmoid', 'fail', (logits) => g.op('Flatten', [g.op('Sigmoid', [logits])[0]!])[0]!],
    ['LogSoftmax', 'warn', (logits) => g.op('LogSoftmax', [logits])[0]!],
    ['LogSoftmax', 'warn', (logits) => g.op('Log', [g.softmax(logits)])[0]!],
    ['Gemm', 'pass', (logits) => logits],
  ])('%s: %s', async (head, verdict, alter) => {
    const bytes = await altered(alter)
    const graph = readOnnx(bytes, 'model')
    const model = await load(bytes)
    const check = (await probe({ model, graph })).get('outputs-are-logits')!
    expect(check.verdict).toBe(verdict)
    const names = `the last operator of the file is ${head}`
    if (verdict === 'pass') expect(check.evidence).not.toContain('operator')
    else expect(check.evidence).toContain(names)
    await model.dispose()
  })
})

describe('a model with one fault', () => {
  test('a component that hides its gradient: a surrogate gradient breaks more', async () => {
    const images = g.input('images', 'float32', ['n', 1, 1, shape.size])
    const { classifier } = await linearCase(shape, { threatModel })
    const weights = g.floats([shape.classes, shape.size], [...classifier.weights])
    const fine = g.mul(g.op('Round', [g.mul(images, 2 ** 12)])[0]!, 2 ** -12)
    const logits = g.gemm(
      g.op('Flatten', [fine])[0]!,
      weights,
      g.floats([shape.classes], [...classifier.bias]),
      { transB: 1 },
    )
    const model = await load(toOnnx({ logits }, [images]))
    const checks = await probe({ model })
    expect(checks.get('gradient-available')?.verdict).toBe('fail')
    expect(checks.get('surrogate-weaker')?.verdict).toBe('fail')
    const sound = await probe()
    expect(sound.get('surrogate-weaker')?.evidence).toContain('no rounding')
    await model.dispose()
  })

  test('no correct example, or no ball: only the readings of the inputs are tried', async () => {
    const model = await load(await altered((logits) => g.neg(logits)))
    for (const checks of [await probe({ model }), await probe({ epsilon: 0 })]) {
      const others = [...checks.values()].filter(({ id }) => id !== 'inputs-as-expected')
      const verdicts = others.map(({ verdict }) => verdict)
      expect(new Set(verdicts)).toEqual(new Set(['not-applicable']))
    }
    await model.dispose()
  })

  test('a NaN gradient fails, and the other probes still run', async () => {
    const bytes = await altered((logits, images) => {
      const root = g.sqrt(g.mul(g.op('Flatten', [images])[0]!, 0))
      return g.add(logits, g.reduceSum(root, [1], true))
    })
    const model = await load(bytes)
    const checks = await probe({ model })
    expect(checks.get('gradient-finite')).toMatchObject({ verdict: 'fail', value: 1 })
    expect(checks.get('outputs-repeat')?.verdict).toBe('pass')
    await model.dispose()
  })

  test('without a derivative, gradient-available fails; gradient probes do not apply', async () => {
    const images = g.input('images', 'float32', ['n', 1, 1, shape.size])
    const graph = toGraph({ logits: g.op('Flatten', [images])[0]! }, [images])
    const { classifier } = await linearCase(shape, { threatModel })
    const written = toGraph(
      {
        raw: g.gemm(
          g.op('Flatten', [images])[0]!,
          g.floats([shape.classes, shape.size], [...classifier.weights]),
          g.floats([shape.classes], [...classifier.bias]),
          { transB: 1 },
        ),
      },
      [images],
    )
    const bytes = writeOnnx({
      ...written,
      outputs: written.outputs.map((output) => ({ ...output, name: 'logits' })),
      initializers: new Map([
        ...written.initializers,
        ['keep', tensor('bool', [shape.classes], new Uint8Array(shape.classes).fill(1))],
      ]),
      nodes: [
        ...written.nodes,
        {
          ...graph.nodes[0]!,
          name: 'compress',
          op: 'Compress',
          inputs: ['raw', 'keep'],
          outputs: ['logits'],
          attributes: { axis: { type: 'int', value: 1 } },
        },
      ],
    })
    const model = await load(bytes)
    const checks = await probe({ model })
    expect(checks.get('gradient-available')).toMatchObject({
      verdict: 'fail',
      evidence: expect.stringMatching(/^gradient unavailable: .*Compress/),
    })
    expect(checks.get('losses-agree')?.verdict).toBe('not-applicable')
    await model.dispose()
  })

  test('few classes warn', async () => {
    const model = await load(await altered((logits) => g.slice(logits, [0], [3], [1])))
    const { evidence, verdict } = (await probe({ model })).get('enough-classes')!
    expect(verdict).toBe('warn')
    expect(evidence).toContain('3 classes')
    await model.dispose()
  })
})

describe('signs of optimization', () => {
  const images = g.input('images', 'float32', ['n', 3, 4, 4])
  const weight = g.floats(
    [5, 3, 3, 3],
    Array.from({ length: 135 }, (_, i) => i / 135),
  )

  test.each([1, 2])('the gradient of a convolution with stride %i', (stride) => {
    const hidden = g.conv(images, weight, null, { pads: [1, 1, 1, 1], strides: [stride, stride] })
    const [back] = gradient(g.mul(hidden, hidden), [images], { name: 'restoration' })
    const graph = toGraph({ hidden, back: back! }, [images])
    expect(signsOfOptimization(toGraph({ hidden }, [images]))).toEqual([])
    expect(signsOfOptimization(graph)).toEqual([
      expect.stringMatching(/^the weight ".*" in both directions$/),
    ])
  })

  test('a matrix that is also used transposed, unless it is square', () => {
    const rows = g.input('rows', 'float32', ['n', 4])
    const there = (matrix: Value): Value => g.matMul(rows, matrix)
    const both = (matrix: Value): Value => g.matMul(there(matrix), g.transpose(matrix, [1, 0]))
    const wide = g.floats(
      [4, 6],
      Array.from({ length: 24 }, (_, i) => i),
    )
    const square = g.floats(
      [4, 4],
      Array.from({ length: 16 }, (_, i) => i),
    )
    expect(signsOfOptimization(toGraph({ both: both(wide) }, [rows]))).toHaveLength(1)
    expect(signsOfOptimization(toGraph({ both: both(square) }, [rows]))).toEqual([])
    expect(signsOfOptimization(toGraph({ one: there(wide) }, [rows]))).toEqual([])
  })

  test('a loop', () => {
    const graph = toGraph({ same: g.relu(images) }, [images])
    const loop = { ...graph.nodes[0]!, op: 'Loop' }
    expect(signsOfOptimization({ ...graph, nodes: [loop] })).toEqual(['the operator Loop'])
  })
})
