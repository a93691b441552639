/** Constants that operators generate from sizes: windows and identity matrices. */
import { newData } from '../../onnx/tensor-data.ts'
import { tensor, type DType } from '../../tensor/tensor.ts'
import { defineFunction, int, since, type OpRecord, type SampleInput } from '../operator.ts'
import { inputOf, numberOf, numbersIn, sizesOf, type Call } from '../operator-call.ts'

const size: SampleInput = { shape: [], dtype: 'int64', values: [7], constant: true }

export const HannWindow = cosineWindow('HannWindow', [0.5, -0.5])
export const HammingWindow = cosineWindow('HammingWindow', [25 / 46, -21 / 46])
export const BlackmanWindow = cosineWindow('BlackmanWindow', [0.42, -0.5, 0.08])

/** Ones on a diagonal, in the shape of a matrix. */
export const EyeLike = defineFunction({
  op: 'EyeLike',
  attributes: { dtype: { type: 'dtype', optional: true }, k: int(0) },
  body: (g, call) => {
    const x = inputOf(call, 0)
    const [rows, columns] = sizesOf(call, x.shape) as [number, number]
    const diagonal = numberOf(call, 'k')
    const values = Array.from({ length: rows * columns }, (_, i) =>
      (i % columns) - Math.floor(i / columns) === diagonal ? 1 : 0,
    )
    return [g.cast(g.floats([rows, columns], values), dtypeOf(call, 'dtype', x.dtype))]
  },
  opsets: since(9),
  samples: [{ inputs: [[3, 4]] }, { inputs: [[3, 3]], attributes: { k: -1 } }],
})

/** Σ aₖ·cos(2πki/N), N the size, or one less for a window that is not periodic. */
function cosineWindow(op: string, coefficients: readonly number[]): OpRecord {
  return defineFunction({
    op,
    attributes: { output_datatype: { type: 'dtype', optional: true }, periodic: int(1) },
    body: (g, call) => {
      const [length] = numbersIn(call, 0, 'the size') as [number]
      const period = numberOf(call, 'periodic') === 1 ? length : length - 1
      const dtype = dtypeOf(call, 'output_datatype', 'float32')
      const data = newData(dtype, length)
      for (let i = 0; i < length; i++) {
        data[i] = coefficients.reduce(
          (sum, factor, k) => sum + factor * Math.cos((2 * Math.PI * k * i) / period),
          0,
        )
      }
      return [g.constant(tensor(dtype, [length], data))]
    },
    opsets: since(17),
    samples: [{ inputs: [size] }, { inputs: [size], attributes: { periodic: 0 } }],
  })
}

function dtypeOf(call: Call, key: string, fallback: DType): DType {
  const stated = call.attributes[key]
  return typeof stated === 'string' ? (stated as DType) : fallback
}
