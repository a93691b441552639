/** Recognizes a normalization of the input inside a file. */
import type { OnnxGraph, OnnxNode } from '../engine/onnx/file.ts'
import type { Tensor } from '../engine/tensor/tensor.ts'

/** What a file does with its input first. */
export type InputNormalization =
  | {
      /** (x − mean) / std, one number per channel or one for all. */
      readonly kind: 'affine'
      readonly mean: readonly number[]
      readonly std: readonly number[]
    }
  /** Batch normalization of the input. */
  | { readonly kind: 'batch-normalization' }
  /** None, or one that was folded into the weights. */
  | { readonly kind: 'none' }

/** Operators that change neither values nor, for one number per channel, their meaning. */
const transparent: ReadonlySet<string> = new Set([
  'Identity',
  'Cast',
  'Transpose',
  'Unsqueeze',
  'Reshape',
  'Flatten',
])

/** Longer constants are not normalizations of an image. */
const mostChannels = 4

/** y = slope · x + offset */
interface Affine {
  readonly slope: readonly number[]
  readonly offset: readonly number[]
}

/**
 * Follows the input through additions, subtractions, multiplications, and divisions by constants.
 * @param graph with the constants of these operators as initializers, or as nodes `Constant`
 */
export function findNormalization(graph: OnnxGraph): InputNormalization {
  let tensor = graph.inputs[0]?.name
  let found: Affine | undefined
  for (;;) {
    const readers = graph.nodes.filter(({ inputs }) => inputs.includes(tensor ?? ''))
    const [reader] = readers
    if (!reader || readers.length > 1 || reader.domain !== '') break
    if (reader.op === 'BatchNormalization' && !found) return { kind: 'batch-normalization' }
    const step = transparent.has(reader.op) ? found : stepOf(reader, tensor!, found, graph)
    if (step === undefined && !transparent.has(reader.op)) break
    found = step
    tensor = reader.outputs[0]
  }
  if (!found) return { kind: 'none' }
  const { slope, offset } = found
  return {
    kind: 'affine',
    mean: combine(offset, slope, (b, a) => rounded(-b / a)),
    std: slope.map((a) => rounded(1 / a)),
  }
}

function stepOf(
  { op, inputs }: OnnxNode,
  tensor: string,
  { slope, offset }: Affine = { slope: [1], offset: [0] },
  graph: OnnxGraph,
): Affine | undefined {
  const isFirst = inputs[0] === tensor
  const constant = constantOf(graph, inputs[isFirst ? 1 : 0] ?? '')
  if (!constant || constant.data.length > mostChannels) return undefined
  const numbers = Array.from(constant.data, Number)
  const apply = (change: (value: number, constant: number) => number) => (own: readonly number[]) =>
    combine(own, numbers, change)
  if (op === 'Mul') {
    const scale = apply((a, b) => a * b)
    return { slope: scale(slope), offset: scale(offset) }
  }
  if (op === 'Div' && isFirst) {
    const scale = apply((a, b) => a / b)
    return { slope: scale(slope), offset: scale(offset) }
  }
  if (op === 'Add') return { slope, offset: apply((a, b) => a + b)(offset) }
  if (op === 'Sub' && isFirst) return { slope, offset: apply((a, b) => a - b)(offset) }
  if (op !== 'Sub') return undefined
  return { slope: slope.map((a) => -a), offset: apply((a, b) => b - a)(offset) }
}

function constantOf({ initializers, nodes }: OnnxGraph, name: string): Tensor | undefined {
  const given = initializers.get(name)
  if (given) return given
  const { op, attributes } = nodes.find(({ outputs }) => outputs.includes(name)) ?? {}
  const value = op === 'Constant' ? attributes?.['value'] : undefined
  return value?.type === 'tensor' ? value.value : undefined
}

/** Element by element; a list of one number is repeated. */
function combine(
  a: readonly number[],
  b: readonly number[],
  change: (a: number, b: number) => number,
): number[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, i) =>
    change(a[i % a.length]!, b[i % b.length]!),
  )
}

/** Without the digits that float32 does not have. */
function rounded(value: number): number {
  const digits = 6
  return value === 0 ? 0 : Number(value.toPrecision(digits))
}
