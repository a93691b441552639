/** Products with weights of 2 to 8 bits, packed into bytes. */
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { defineFunction, int, type SampleInput } from '../operator.ts'
import { inputOf, numberOf, shapeError, type Call } from '../operator-call.ts'
import { numeric } from './quantized-values.ts'

/** Constant bytes as a sample input. */
const packed = (shape: readonly number[]): SampleInput => ({
  shape,
  dtype: 'uint8',
  values: Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (i * 73 + 19) % 256),
  constant: true,
})
const scales: SampleInput = { shape: [6], values: [0.1, 0.2, 0.05, 0.1, 0.02, 0.1], constant: true }

/**
 * A·Wᵀ + bias with W `[N, K]` in blocks along K, each with its scale and zero point. Inputs a, packed
 * weights `[N, blocks, bytes]`, scales, packed zero points, unused, bias. onnxruntime may round A, too.
 */
export const MatMulNBits = defineFunction({
  op: 'com.microsoft.MatMulNBits',
  except: 'not with an order of columns (`g_idx`)',
  attributes: {
    K: { type: 'int' },
    N: { type: 'int' },
    accuracy_level: int(0),
    bits: int(4),
    block_size: { type: 'int' },
    weight_prepacked: int(0),
  },
  straightThrough: true,
  body: (g, call) => {
    if (call.inputs[4]) throw shapeError(call, 'an order of columns (g_idx) is not supported')
    const [columns, rows] = [numberOf(call, 'K'), numberOf(call, 'N')]
    const weight = g.constant(float32([columns, rows], unpackTransposed(call)))
    const product = g.matMul(inputOf(call, 0), weight)
    const bias = call.inputs[5]
    return [bias ? g.add(product, numeric(g, bias)) : product]
  },
  samples: [
    {
      inputs: [[2, 32], packed([3, 2, 8]), scales],
      attributes: { K: 32, N: 3, bits: 4, block_size: 16 },
    },
    {
      inputs: [[2, 20], packed([3, 2, 8]), scales, packed([3, 1])],
      attributes: { K: 20, N: 3, bits: 4, block_size: 16 },
    },
    {
      inputs: [[2, 32], packed([3, 2, 16]), scales, packed([6])],
      attributes: { K: 32, N: 3, bits: 8, block_size: 16 },
    },
  ],
})

/** The weights `[K, N]` as numbers. */
function unpackTransposed(call: Call): Float32Array {
  const [columns, rows, bits, size] = ['K', 'N', 'bits', 'block_size'].map((key) =>
    numberOf(call, key),
  ) as [number, number, number, number]
  const weights = constantAt(call, 1)
  const factors = constantAt(call, 2)
  const zeros = call.inputs[3] ? constantAt(call, 3) : undefined
  const blocks = Math.ceil(columns / size)
  const bytesPerBlock = weights.data.length / rows / blocks
  const bytesOfZeros = zeros ? zeros.data.length / rows : 0
  const perByte = 8 / bits
  const at = (data: Tensor['data'], first: number, index: number): number => {
    const byte = Number(data[first + Math.floor(index / perByte)])
    return (byte >> (bits * (index % perByte))) & (2 ** bits - 1)
  }
  const unpacked = new Float32Array(columns * rows)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const block = Math.floor(column / size)
      const q = at(weights.data, (row * blocks + block) * bytesPerBlock, column % size)
      const zero = zeros ? at(zeros.data, row * bytesOfZeros, block) : 2 ** (bits - 1)
      unpacked[column * rows + row] = (q - zero) * Number(factors.data[row * blocks + block])
    }
  }
  return unpacked
}

function constantAt(call: Call, index: number): Tensor {
  const tensor = inputOf(call, index).node.tensor
  if (!tensor) throw shapeError(call, `input ${index} must be known before the run`)
  return tensor
}
