/** Inputs, feeds, and outputs of the sample of an operator. */
import { randomStream } from '../../core/base/random.ts'
import { g } from '../../core/engine/graph/graph.ts'
import type { Sample, SampleInput } from '../../core/engine/graph/operator.ts'
import type { Value } from '../../core/engine/graph/value.ts'
import { newData } from '../../core/engine/onnx/tensor-data.ts'
import { sizeOf, type Tensor } from '../../core/engine/tensor/tensor.ts'

/** Draws the inputs of a sample, the same each time, and applies the operator. */
export function buildSample(
  op: string,
  sample: Sample,
): {
  inputs: Value[]
  feeds: Record<string, Tensor>
  outputs: readonly Value[]
  operands: readonly (Value | null)[]
} {
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
  return { inputs, feeds, outputs: g.op(op, operands, sample.attributes), operands }
}

/** Points where many operators have a kink. */
function awayFromZero(value: number): number {
  return Math.abs(value) < 0.06 ? 0.06 + Math.abs(value) : value
}
