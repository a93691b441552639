/** Integer arithmetic of a file on its input, in float32, so that gradients pass. */
import { g } from '../engine/graph/graph.ts'
import { reapply, rewrite } from '../engine/graph/rewrite.ts'
import type { Node, Value } from '../engine/graph/value.ts'
import type { DType } from '../engine/tensor/tensor.ts'

/** Bits of integers. A cast to a type with fewer, or without a sign, may wrap around. */
const bits: Partial<Record<DType, number>> = {
  int8: 7,
  uint8: 8,
  int16: 15,
  uint16: 16,
  int32: 31,
  uint32: 32,
  int64: 63,
  uint64: 64,
}

/** Operators that only move elements of their first input. */
const movements = new Set([
  'DepthToSpace',
  'Expand',
  'Flatten',
  'Gather',
  'Identity',
  'Reshape',
  'Slice',
  'SpaceToDepth',
  'Split',
  'Squeeze',
  'Tile',
  'Transpose',
  'Unsqueeze',
])

/** Operators whose results are integers within the range of their operands, and these operands. */
const choices: Readonly<Record<string, readonly number[] | 'all'>> = {
  Clip: 'all',
  Concat: 'all',
  Max: 'all',
  Min: 'all',
  Pad: [0, 2],
  Where: [1, 2],
}

/** Operators whose results have more bits: exact while they are below 2^24, if they do not wrap. */
const arithmetic = new Set(['Abs', 'Add', 'Mul', 'Neg', 'Sub', 'Sum'])

/**
 * Rewrites what depends on an integer input: casts between integers, their arithmetic, and
 * movements become those of float32, in which they are the same numbers. Without that, the
 * derivative of a cast to integers, zero, would end all gradients. What may wrap around, and
 * operators that need integers, get integers.
 * @param images the float32 placeholder that stands for the input of the file
 * @param dtype the type of the input in the file
 */
export function inFloats(values: readonly Value[], images: Value, dtype: DType): Value[] {
  /** Float32 values, and their types in the file. */
  const types = new Map<Value, DType>([[images, dtype]])
  const asFloat = (value: Value): Value =>
    types.has(value) || !bits[value.dtype] ? value : g.cast(value, 'float32')
  return rewrite(values, (node, inputs) => {
    const type = inputs.map((value) => value && types.get(value)).find((known) => known)
    if (type === undefined || type === null) return undefined
    const remember = (outputs: readonly Value[], as: DType): readonly Value[] => {
      for (const output of outputs) types.set(output, as)
      return outputs
    }
    if (node.op === 'Cast') {
      const to = node.attributes['to'] as DType
      if (to.startsWith('float')) return reapply(node, inputs)
      if (widens(type, to)) return remember(g.op('Identity', [inputs[0]!]), to)
    }
    if (movements.has(node.op) && types.has(inputs[0]!)) {
      return remember(reapply(node, inputs), type)
    }
    const operands = operandsOf(node, type)
    if (operands) {
      const floats = inputs.map((value, i) =>
        value && (operands === 'all' || operands.includes(i)) ? asFloat(value) : value,
      )
      return remember(reapply(node, floats), type)
    }
    // The input itself is a float for all other operators, as it always was.
    const given = inputs.map((value) => {
      const own = value && types.get(value)
      return own && own !== dtype ? g.cast(value, own) : value
    })
    return reapply(node, given)
  })
}

/** The inputs of a node that may be floats instead of integers of that type. */
function operandsOf({ op }: Node, type: DType): readonly number[] | 'all' | undefined {
  if (arithmetic.has(op)) return bits[type]! > 16 ? 'all' : undefined
  return choices[op]
}

function widens(from: DType, to: DType): boolean {
  const unsigned = (type: DType): boolean => type.startsWith('u')
  if (!bits[from] || !bits[to]) return false
  return bits[to] >= bits[from] && (unsigned(from) || !unsigned(to))
}
