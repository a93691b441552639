/** Operator samples: shapes match onnxruntime, derivatives match central differences. */
import { describe, expect, it } from 'vitest'
import { gradient } from '../../../../core/engine/graph/gradient.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import { operators } from '../../../../core/engine/graph/ops/index.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import { isFloat } from '../../../../core/engine/graph/ops/elementwise.ts'
import { newData } from '../../../../core/engine/onnx/tensor-data.ts'
import { randomStream, type RandomStream } from '../../../../core/base/random.ts'
import { sizeOf, type Tensor } from '../../../../core/engine/tensor/tensor.ts'
import type { Sample, SampleInput } from '../../../../core/engine/graph/operator.ts'
import type { Value } from '../../../../core/engine/graph/value.ts'

describe.each([...operators.values()])('$op', (record) => {
  it.each(record.samples.map((sample, i) => ({ i, sample })))(
    'sample $i has the shape of onnxruntime',
    async ({ sample }) => {
      const { inputs, feeds, outputs } = build(record.op, sample)
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

  if (typeof record.vjp !== 'function') return

  it.each(record.samples.map((sample, i) => ({ i, sample })))(
    'sample $i matches central differences',
    async ({ sample }) => {
      await checkDerivative(record.op, sample, 1)
    },
  )
})

describe('the gradient of a gradient', () => {
  it.each(['Conv', 'Softmax', 'Div', 'Tanh', 'BatchNormalization', 'Gemm', 'MaxPool'])(
    'of %s matches central differences',
    async (op) => {
      for (const sample of operators.get(op)!.samples.slice(0, 2))
        await checkDerivative(op, sample, 2)
    },
  )
})

/** Compares ⟨∇f, v⟩ with (f(x + hv) − f(x − hv)) / 2h for random v and projections f. */
async function checkDerivative(op: string, sample: Sample, order: 1 | 2): Promise<void> {
  const random = randomStream('ops', op, JSON.stringify(sample))
  const { inputs, feeds, outputs } = build(op, sample)
  const wanted = inputs.filter((input) => isFloat(input.dtype))
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

function build(
  op: string,
  sample: Sample,
): { inputs: Value[]; feeds: Record<string, Tensor>; outputs: readonly Value[] } {
  const random = randomStream('samples', op, JSON.stringify(sample))
  const inputs: Value[] = []
  const feeds: Record<string, Tensor> = {}
  const operands = sample.inputs.map((item, i) => {
    if (item === null) return null
    const spec: SampleInput = 'shape' in item ? item : { shape: item }
    const { shape, dtype = 'float32', low = -1, high = 1 } = spec
    const data = newData(dtype, sizeOf(shape))
    const order = random.permutation(data.length)
    for (let k = 0; k < data.length; k++) {
      const level = low + ((high - low) * (order[k]! + 0.5)) / data.length
      const value = spec.values?.[k] ?? awayFromZero(level)
      data[k] = dtype === 'int64' ? BigInt(value) : value
    }
    const tensor = { dtype, shape, data } as Tensor
    if (spec.constant) return g.constant(tensor)
    const value = g.input(`x${i}`, dtype, shape)
    inputs.push(value)
    feeds[`x${i}`] = tensor
    return value
  })
  return { inputs, feeds, outputs: g.op(op, operands, sample.attributes) }
}

/** Points where many operators have a kink. */
function awayFromZero(value: number): number {
  return Math.abs(value) < 0.06 ? 0.06 + Math.abs(value) : value
}
