/** Receptive fields: which pixels of the images each position of a value depends on. */
import { numberOf, numbersOf } from '../../engine/graph/operator-call.ts'
import { all, resolveWindow } from '../../engine/graph/ops/sliding-window.ts'
import { topologicalOrder, type Node, type Value } from '../../engine/graph/value.ts'

/** Along one axis: position i depends only on pixels stride·i + low … stride·i + high. */
export interface AxisReceptiveField {
  readonly stride: number
  readonly low: number
  readonly high: number
  /** The number of positions along the axis. */
  readonly size: number
}

/** The receptive field of a value `[n, c, h, w]`. */
export type ReceptiveField = readonly [rows: AxisReceptiveField, columns: AxisReceptiveField]

/**
 * Operators that compute each position from the same position of their inputs. With several inputs,
 * all have the same size or are constant over positions.
 */
const pointwise = new Set(
  (
    'Abs Add BatchNormalization Clip Div Dropout Elu Erf Exp HardSigmoid HardSwish Identity ' +
    'LeakyRelu Log Max Min Mul Neg PRelu Pow Reciprocal Relu Selu Sigmoid Softplus Softsign Sqrt ' +
    'Sub Sum Tanh'
  ).split(' '),
)
const pooling = new Set(['AveragePool', 'MaxPool'])

/**
 * The receptive field of every value `[n, c, h, w]` that depends on the images only through
 * convolutions, pooling and pointwise operators.
 */
export function findReceptiveFields(of: Value, images: Value): ReadonlyMap<Value, ReceptiveField> {
  const [, , height, width] = images.shape
  const fields = new Map<Value, ReceptiveField>()
  if (typeof height !== 'number' || typeof width !== 'number') return fields
  const pixel = (size: number): AxisReceptiveField => ({ stride: 1, low: 0, high: 0, size })
  fields.set(images, [pixel(height), pixel(width)])
  const dependent = new Set<Node>([images.node])
  for (const node of topologicalOrder([of])) {
    if (!node.inputs.some((input) => input && dependent.has(input.node))) continue
    dependent.add(node)
    const field = propagate(node, (value) =>
      dependent.has(value.node) ? (fields.get(value) ?? 'unknown') : 'independent',
    )
    if (field) fields.set(node.outputs[0]!, field)
  }
  return fields
}

/** The largest number of positions along an axis that a window of `side` pixels affects. */
export function affectedPositions(
  { stride, low, high, size }: AxisReceptiveField,
  side: number,
): number {
  return Math.min(size, Math.floor((side - 1 + high - low) / stride) + 1)
}

/**
 * The first of `count` positions that include all that a window from `pixel` on affects. All lie
 * inside the value.
 */
export function firstPosition(axis: AxisReceptiveField, pixel: number, count: number): number {
  const first = Math.ceil((pixel - axis.high) / axis.stride)
  return Math.max(0, Math.min(first, axis.size - count))
}

/** The first pixel that positions from `position` on depend on; it may lie outside the images. */
export function firstPixel({ stride, low }: AxisReceptiveField, position: number): number {
  return position * stride + low
}

/** The number of pixels that `count` consecutive positions depend on. */
export function pixelsOf({ stride, low, high }: AxisReceptiveField, count: number): number {
  return (count - 1) * stride + high - low + 1
}

/** Along one axis: output i reads inputs i·stride − begin + k·dilation, 0 ≤ k < kernel. */
export interface AxisWindow {
  readonly kernel: number
  readonly stride: number
  readonly dilation: number
  readonly begin: number
}

/** The windows of a 2-D convolution or pooling, by rows and columns; else undefined. */
export function windowsOf(node: Node): readonly [AxisWindow, AxisWindow] | undefined {
  const kernel = kernelOf(node)
  if (kernel?.length !== 2) return undefined
  const { strides, dilations, begin } = resolveWindow(node, node.inputs[0]!.shape, kernel)
  const along = (axis: 0 | 1): AxisWindow => ({
    kernel: kernel[axis]!,
    stride: strides[axis]!,
    dilation: dilations[axis]!,
    begin: begin[axis]!,
  })
  return [along(0), along(1)]
}

function kernelOf(node: Node): readonly number[] | undefined {
  if (node.op === 'Conv') return node.inputs[1]!.shape.slice(2) as number[]
  return pooling.has(node.op) ? numbersOf(node, 'kernel_shape') : undefined
}

/** `independent`: the value does not depend on the images. `unknown`: it is not local. */
type FieldOf = (value: Value) => ReceptiveField | 'unknown' | 'independent'

function propagate(node: Node, fieldOf: FieldOf): ReceptiveField | undefined {
  const [y] = node.outputs
  const [x, ...rest] = node.inputs
  if (y!.shape.length !== 4) return undefined
  if (pointwise.has(node.op)) return mergeInputs(node, y!, fieldOf)
  const windows = windowsOf(node)
  if (!windows || rest.some((input) => input && fieldOf(input) !== 'independent')) return undefined
  if (node.op === 'AveragePool' && !isUnpadded(node)) return undefined
  const field = fieldOf(x!)
  if (typeof field === 'string') return undefined
  const along = (axis: 0 | 1): AxisReceptiveField => {
    const { stride, low, high } = field[axis]
    const window = windows[axis]
    return {
      stride: stride * window.stride,
      low: low - stride * window.begin,
      high: high + stride * ((window.kernel - 1) * window.dilation - window.begin),
      size: y!.shape[axis + 2] as number,
    }
  }
  return [along(0), along(1)]
}

/** Without padding, every average is over the same number of elements. */
function isUnpadded(node: Node): boolean {
  const pads = numbersOf(node, 'pads') ?? []
  const explicit = node.attributes['auto_pad'] === 'NOTSET' && all(pads, 0)
  return explicit && numberOf(node, 'ceil_mode') === 0
}

/** The receptive field of a pointwise operator's output `y`. */
function mergeInputs(node: Node, y: Value, fieldOf: FieldOf): ReceptiveField | undefined {
  let merged: ReceptiveField | undefined
  for (const input of node.inputs) {
    if (!input) continue
    const field = fieldOf(input)
    if (field === 'unknown') return undefined
    if (field === 'independent') {
      if (node.op !== 'BatchNormalization' && !isUniform(input)) return undefined
      continue
    }
    const isSameSize = [2, 3].every((axis) => input.shape[axis] === y.shape[axis])
    merged = merged ? mergeFields(merged, field) : field
    if (!isSameSize || !merged) return undefined
  }
  return merged
}

/** Whether a value that is broadcast to `[n, c, h, w]` is the same at every position. */
function isUniform({ shape }: Value): boolean {
  return shape.slice(-2).every((dim) => dim === 1) || shape.length === 0
}

function mergeFields(a: ReceptiveField, b: ReceptiveField): ReceptiveField | undefined {
  const [rows, columns] = [mergeAxes(a[0], b[0]), mergeAxes(a[1], b[1])]
  return rows && columns && [rows, columns]
}

function mergeAxes(a: AxisReceptiveField, b: AxisReceptiveField): AxisReceptiveField | undefined {
  if (a.stride !== b.stride || a.size !== b.size) return undefined
  return { ...a, low: Math.min(a.low, b.low), high: Math.max(a.high, b.high) }
}
