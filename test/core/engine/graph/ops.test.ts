/** Operator samples: shapes match onnxruntime, derivatives match central differences. */
import { describe, expect, it, test } from 'vitest'
import { gradient } from '../../../../core/engine/graph/gradient.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import { operators } from '../../../../core/engine/graph/ops/index.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import { splitName } from '../../../../core/engine/graph/operator-name.ts'
import { isFloat } from '../../../../core/engine/graph/ops/elementwise.ts'
import type { AttributeSpec } from '../../../../core/engine/graph/operator-call.ts'
import { writeOnnx, type OnnxAttribute } from '../../../../core/engine/onnx/file.ts'
import { dataTypes } from '../../../../core/engine/onnx/tensor-data.ts'
import { randomStream, type RandomStream } from '../../../../core/base/random.ts'
import { float32, int64, sizeOf, type DType } from '../../../../core/engine/tensor/tensor.ts'
import {
  readableOpsets,
  type OpRecord,
  type Sample,
} from '../../../../core/engine/graph/operator.ts'
import type { AttributeValue, Value } from '../../../../core/engine/graph/value.ts'
import { buildSample } from '../../../support/operator-sample.ts'

/** Operators without a kernel in onnxruntime, so that the file with the operator does not load. */
const withoutKernel = new Set([
  'ConvKernelGradient',
  'MaxPoolGradient',
  'Swish',
  'StraightThroughRound',
  'StopGradient',
  'robench.PadChannels',
])
/** Operators whose kernel onnxruntime has only in an older operator set. */
const olderKernels: Readonly<Record<string, number>> = {
  GlobalLpPool: 18,
  Scatter: 10,
  Upsample: 9,
}

describe.each([...operators.values()])('$op', (record) => {
  it.each(record.samples.map((sample, i) => ({ i, sample })))(
    'sample $i has the shape of onnxruntime',
    async ({ sample }) => {
      const { inputs, feeds, outputs } = buildSample(record.op, sample)
      const named = Object.fromEntries(outputs.map((output, k) => [`y${k}`, output]))
      const session = await Session.compile(named, inputs)
      const results = await session.run(feeds)
      outputs.forEach((output, k) => {
        expect(results[`y${k}`]!.shape).toEqual(output.shape)
        expect(results[`y${k}`]!.dtype).toBe(output.dtype)
      })
      await session.release()
    },
  )

  // onnxruntime has no kernel for some operators; their own tests hold them against closed forms.
  const compared = withoutKernel.has(record.op) ? [] : record.samples
  it.each(compared.map((sample, i) => ({ i, sample })))(
    'sample $i has the values of onnxruntime',
    async ({ sample }) => {
      await checkForward(record, sample)
    },
  )

  // Straight-through estimates are no derivatives; their own tests compare them with a function.
  if ((typeof record.vjp !== 'function' && !record.body) || record.straightThrough) return

  it.each(record.samples.map((sample, i) => ({ i, sample })))(
    'sample $i matches central differences',
    async ({ sample }) => {
      await checkDerivative(record.op, sample, 1)
    },
  )
})

test('the derivative of a product is the product of the other factors, also at zeros', async () => {
  const x = g.input('x', 'float32', [3, 3])
  const [y] = g.op('ReduceProd', [x, g.integers([1])], { keepdims: 0 })
  const at = g.constant(int64([3], [0, 0, 0]))
  const z = g.op(
    'ScatterElements',
    [g.floats([1], [5]), at, g.op('Gather', [x, g.scalar(0, 'int64')])[0]!],
    {
      reduction: 'mul',
    },
  )[0]!
  const session = await Session.compile(
    { product: gradient(y!, [x])[0]!, scattered: gradient(z, [x])[0]! },
    [x],
  )
  const values = [2, 0, 3, 0, 4, 0, 2, 3, 5]
  const { product, scattered } = await session.run({ x: float32([3, 3], values) })
  await session.release()
  expect([...product!.data]).toEqual([0, 6, 0, 0, 0, 0, 15, 10, 6])
  expect([...scattered!.data]).toEqual([0, 30, 0, 0, 0, 0, 0, 0, 0])
})

test('onnxruntime has no kernel for Swish; it is x·sigmoid(αx)', async () => {
  const points = [-3, -0.5, 0, 0.2, 4]
  const x = g.input('x', 'float32', [5])
  const session = await Session.compile({ y: g.op('Swish', [x], { alpha: 1.7 })[0]! }, [x])
  const { y } = await session.run({ x: float32([5], points) })
  await session.release()
  expect(y!.data as Float32Array).toBeAllclose(
    points.map((value) => value / (1 + Math.exp(-1.7 * value))),
    { rtol: 1e-6, atol: 1e-7 },
  )
})

const differentiatedTwice = `
  Conv Softmax Div Tanh BatchNormalization Gemm MaxPool
  LayerNormalization InstanceNormalization GroupNormalization RMSNormalization LRN
  MeanVarianceNormalization LpNormalization LpPool GlobalLpPool Gelu Mish Swish Celu
  Mod CumSum Trilu Tile SpaceToDepth ScatterElements ScatterND GatherND TopK OneHot
  ReduceProd ReduceLogSum ReduceLogSumExp Resize Einsum
  Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh
  AveragePool GridSample Attention RotaryEmbedding DFT STFT Col2Im AffineGrid
`
  .trim()
  .split(/\s+/)

describe('the gradient of a gradient', () => {
  it.each(differentiatedTwice)('of %s matches central differences', async (op) => {
    for (const sample of operators.get(op)!.samples) await checkDerivative(op, sample, 2)
  })
})

/**
 * Compares a file with the operator itself, in the newest operator set, with the graph that
 * sessions run, in which it may be lowered or replaced by its function body.
 */
async function checkForward(record: OpRecord, sample: Sample): Promise<void> {
  const { inputs, feeds, outputs, operands } = buildSample(record.op, sample)
  const session = await Session.compile(
    Object.fromEntries(outputs.map((output, k) => [`y${k}`, output])),
    inputs,
  )
  const { op, domain } = splitName(record.op)
  const names = outputs
    .map((_, k) => `y${k}`)
    .slice(0, record.optionalOutputs && domain ? 1 : undefined)
  const operandNames = operands.map((value, i) => (value ? value.node.name || `c${i}` : ''))
  const constants = operands.flatMap((value, i) =>
    value?.node.tensor ? [[`c${i}`, value.node.tensor] as const] : [],
  )
  const attributes = Object.entries(sample.attributes ?? {}).map(
    ([key, value]) => [key, encode(record.attributes[key]!.type, value)] as const,
  )
  const file = await Session.load(
    writeOnnx({
      opset: olderKernels[record.op] ?? readableOpsets[1],
      domains: domain === '' ? [] : [domain],
      inputs: inputs.map(({ node, dtype, shape }) => ({ name: node.name, dtype, shape })),
      outputs: names.map((name) => ({ name, dtype: null, shape: null })),
      initializers: new Map(constants),
      nodes: [
        {
          name: 'node',
          op,
          domain,
          inputs: operandNames,
          outputs: names,
          attributes: Object.fromEntries(attributes),
        },
      ],
      values: [],
    }),
  )
  const [expected, actual] = [await file.run(feeds), await session.run(feeds)]
  for (const name of names) {
    expect(actual[name]!.shape).toEqual(expected[name]!.shape)
    expect(Float64Array.from(actual[name]!.data, Number)).toBeAllclose(
      Float64Array.from(expected[name]!.data, Number),
      { rtol: 1e-5, atol: 2e-6 },
    )
  }
  await session.release()
  await file.release()
}

function encode(type: AttributeSpec['type'], value: AttributeValue): OnnxAttribute {
  if (type === 'dtype') return { type: 'int', value: dataTypes[value as DType] }
  if (type === 'words') return { type: 'strings', value: (value as string).split(' ') }
  return { type, value } as OnnxAttribute
}

/** Compares ⟨∇f, v⟩ with (f(x + hv) − f(x − hv)) / 2h for random v and projections f. */
async function checkDerivative(op: string, sample: Sample, order: 1 | 2): Promise<void> {
  const random = randomStream('ops', op, JSON.stringify(sample))
  const { inputs, feeds, outputs } = buildSample(op, sample)
  const wanted = inputs.filter((input) => isFloat(input.dtype))
  // Samples of integers have no derivative.
  if (wanted.length === 0) return
  // In float64 if possible; onnxruntime has only float32 kernels for most operators.
  let objective = project(outputs.filter((output) => isFloat(output.dtype)).slice(0, 1), random)
  if (order === 2) {
    const first = gradient(objective, wanted)
    objective = project(first, random)
  }
  const gradients = gradient(objective, wanted)
  const session = await Session.compile(
    { objective, ...Object.fromEntries(gradients.map((value, k) => [`g${k}`, value])) },
    inputs,
  )
  const results = await session.run(feeds)
  const step = 1e-2
  for (const [k, input] of wanted.entries()) {
    const name = input.node.name
    const center = feeds[name]!.data as Float32Array
    const direction = Float32Array.from(center, () => random.normal())
    const shifted = async (sign: number): Promise<number> => {
      const data = center.map((value, i) => value + sign * step * direction[i]!)
      const result = await session.run({ ...feeds, [name]: { ...feeds[name]!, data } })
      return Number(result['objective']!.data[0])
    }
    const numeric = ((await shifted(1)) - (await shifted(-1))) / (2 * step)
    const analytic = (results[`g${k}`]!.data as Float32Array).reduce(
      (sum, value, i) => sum + value * direction[i]!,
      0,
    )
    expect(results[`g${k}`]!.shape).toEqual(feeds[name]!.shape)
    // float32 rounding over the step, and the third derivative times step².
    const scale = Math.max(1, Math.abs(numeric))
    expect(
      Math.abs(analytic - numeric) / scale,
      `input ${name}: analytic ${analytic}, numeric ${numeric}`,
    ).toBeLessThan(6e-3)
  }
  await session.release()
}

function project(values: readonly Value[], random: RandomStream): Value {
  const terms = values.map((value) => {
    const shape = value.shape as readonly number[]
    const weights = g.floats(
      shape,
      Array.from({ length: sizeOf(shape) }, () => random.normal()),
    )
    return g.reduceSum(
      g.mul(g.cast(value, 'float32'), weights),
      shape.map((_, axis) => axis),
    )
  })
  return terms.reduce((sum, term) => g.add(sum, term))
}
