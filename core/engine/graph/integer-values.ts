/**
 * Integer arithmetic of a file on its input, in float32, so that gradients pass. Without that, the
 * derivative of integers, which is zero, would end all gradients.
 */
import type { DType } from '../tensor/tensor.ts'
import { g } from './graph.ts'
import { textOf, type Call } from './operator-call.ts'
import type { Attributes, Value } from './value.ts'

/** Float32 values that stand for integers of a file, and their types there. */
export type IntegerTypes = Map<Value, DType>

/** Applies the operator of a call to other inputs, with attributes that replace its own. */
export type Apply = (inputs: readonly (Value | null)[], attributes?: Attributes) => readonly Value[]

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

/** Whether tensors of that type are integers. */
export function isInteger(dtype: DType): boolean {
  return dtype in bits
}

/**
 * Operators whose results are integers within the range of their operands, and these operands. The
 * other inputs are indices and conditions.
 */
const choices: Readonly<Record<string, readonly number[] | 'all'>> = {
  CenterCropPad: [0],
  Clip: 'all',
  Concat: 'all',
  DepthToSpace: [0],
  Expand: [0],
  Flatten: [0],
  Gather: [0],
  GatherElements: [0],
  GatherND: [0],
  Identity: [0],
  Max: 'all',
  MaxPool: [0],
  Min: 'all',
  Pad: [0, 2],
  ReduceMax: [0],
  ReduceMin: [0],
  Relu: [0],
  Reshape: [0],
  ScatterElements: [0, 2],
  ScatterND: [0, 2],
  Sign: [0],
  Slice: [0],
  SpaceToDepth: [0],
  Split: [0],
  Squeeze: [0],
  Tile: [0],
  TopK: [0],
  Transpose: [0],
  Trilu: [0],
  Unsqueeze: [0],
  Where: [1, 2],
}

/** Operators whose results have more bits, and may wrap around in small types. */
const arithmetic: Readonly<Record<string, readonly number[] | 'all'>> = {
  Abs: 'all',
  Add: 'all',
  CumSum: [0],
  Einsum: 'all',
  Gemm: 'all',
  MatMul: 'all',
  Mul: 'all',
  Neg: 'all',
  Pow: [0],
  ReduceL1: [0],
  ReduceProd: [0],
  ReduceSum: [0],
  ReduceSumSquare: [0],
  Sub: 'all',
  Sum: 'all',
}

/** Operators whose results are rounded to integers. */
const rounding: Readonly<Record<string, readonly number[] | 'all'>> = {
  Div: 'all',
  Mod: 'all',
  ReduceMean: [0],
}

const comparisons = new Set(['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'])

/** Below as many bits, integers of a file are likely to wrap around or to saturate. */
const wideBits = 17

/**
 * Applies an operator to inputs of which some stand for integers. Results are the numbers that the
 * file computes, up to 2^24; wrapping around and rounding count as the identity in gradients.
 * @param types gets the results that stand for integers
 * @returns undefined if no input stands for integers
 */
export function applyToIntegers(
  call: Call,
  types: IntegerTypes,
  apply: Apply,
): readonly Value[] | undefined {
  const { op, inputs } = call
  const type = inputs.map((value) => value && types.get(value)).find((known) => known)
  if (type === undefined || type === null) return undefined
  const remember = (outputs: readonly Value[], as = type): readonly Value[] => {
    for (const output of outputs) if (output.dtype === 'float32') types.set(output, as)
    return outputs
  }
  const asInteger = (value: Value | null): Value | null => {
    const own = value && types.get(value)
    return own ? g.cast(value, own) : value
  }
  const inFloats = (operands: readonly number[] | 'all'): (Value | null)[] =>
    inputs.map((value, i) => {
      if (operands !== 'all' && !operands.includes(i)) return asInteger(value)
      return value && g.cast(value, 'float32')
    })
  const rounded = (approximate: Value): readonly Value[] =>
    remember([withValueOf(apply(inputs.map(asInteger))[0]!, approximate)])
  if (op === 'Cast' || op === 'CastLike') {
    const to = op === 'Cast' ? (textOf(call, 'to') as DType) : typeOf(inputs[1]!, types)
    return castInteger(inputs[0]!, to, types)
  }
  const chosen = choices[op]
  if (chosen && (call.attributes['reduction'] ?? 'none') === 'none') {
    return remember(apply(inFloats(chosen)))
  }
  const computed = arithmetic[op] ?? chosen
  if (computed) {
    const floats = apply(inFloats(computed))
    return bits[type]! < wideBits ? rounded(floats[0]!) : remember(floats)
  }
  const divided = rounding[op]
  // The remainder of floats must be that of C.
  if (divided) {
    return rounded(apply(inFloats(divided), op === 'Mod' ? { fmod: 1 } : {})[0]!)
  }
  if (op === 'BitShift') return rounded(shifted(call, inFloats('all')))
  if (op === 'Resize' || op === 'Upsample') {
    const [resized] = apply(inFloats([0]))
    const isNearest = textOf(call, 'mode') === 'nearest'
    return remember([isNearest ? resized! : withValueOf(g.cast(resized!, type), resized!)])
  }
  if (comparisons.has(op)) return apply(inFloats('all'))
  // Quantized layers and classical models compute with floats that are integers.
  return apply(isInFloats(op) ? inputs : inputs.map(asInteger))
}

/** A cast of a value that stands for integers. */
function castInteger(x: Value, to: DType, types: IntegerTypes): readonly Value[] {
  const from = types.get(x)
  if (!from || to === 'bool') return [g.cast(x, to)]
  if (!bits[to]) return [to === 'float32' ? g.op('Identity', [x])[0]! : g.cast(x, to)]
  const cast = widens(from, to)
    ? g.op('Identity', [x])[0]!
    : withValueOf(g.cast(g.cast(x, from), to), x)
  types.set(cast, to)
  return [cast]
}

/** Operators that read integers as floats: quantized layers, and those of other domains. */
function isInFloats(op: string): boolean {
  return op.includes('.') || /Integer|Linear/.test(op)
}

/** x · 2^b or x / 2^b for a shift by b. */
function shifted(call: Call, [x, count]: readonly (Value | null)[]): Value {
  const factor = g.pow(2, count!)
  return textOf(call, 'direction') === 'LEFT' ? g.mul(x!, factor) : g.div(x!, factor)
}

/** The numbers of the first value with the gradient of the second. */
function withValueOf(exact: Value, approximate: Value): Value {
  const error = g.sub(g.cast(exact, 'float32'), approximate)
  return g.add(approximate, g.op('StopGradient', [error])[0]!)
}

function typeOf(value: Value, types: IntegerTypes): DType {
  return types.get(value) ?? value.dtype
}

function widens(from: DType, to: DType): boolean {
  const unsigned = (type: DType): boolean => type.startsWith('u')
  if (!bits[from] || !bits[to]) return false
  return bits[to] >= bits[from] && (unsigned(from) || !unsigned(to))
}
