/** How far a change of pixels reaches: which positions of a value inside a graph depend on which pixels of the images. */
import { numberOf, numbersOf } from '../../engine/graph/operator-call.ts'
import { all, resolveWindow } from '../../engine/graph/ops/window.ts'
import { topologicalOrder, type Node, type Value } from '../../engine/graph/value.ts'

/** Along one axis of a value: position i depends on no other pixels than stride · i + low … stride · i + high. */
export interface AxisReceptiveField {
  readonly stride: number
  readonly low: number
  readonly high: number
  /** How many positions the value has. */
  readonly size: number
}

export type ReceptiveField = readonly [rows: AxisReceptiveField, columns: AxisReceptiveField]

/** Operators that treat every position by itself. With several inputs, all of one size or the same at every position. */
const pointwise = new Set(
  'Abs Add BatchNormalization Clip Div Dropout Elu Erf Exp HardSigmoid HardSwish Identity LeakyRelu Log Max Min Mul Neg'
    .concat(' PRelu Pow Reciprocal Relu Selu Sigmoid Softplus Softsign Sqrt Sub Sum Tanh')
    .split(' '),
)
const pooling = new Set(['AveragePool', 'MaxPool'])

/**
 * The reach of every value `[n, c, h, w]` that depends on the images by convolutions, pooling and pointwise operators only.
 */
export function findReceptiveFields(of: Value, images: Value): ReadonlyMap<Value, ReceptiveField> {
  const [, , height, width] = images.shape
  const reaches = new Map<Value, ReceptiveField>()
  if (typeof height !== 'number' || typeof width !== 'number') return reaches
  const whole = (size: number): AxisReceptiveField => ({ stride: 1, low: 0, high: 0, size })
  reaches.set(images, [whole(height), whole(width)])
  const dependent = new Set<Node>([images.node])
  for (const node of topologicalOrder([of])) {
    if (!node.inputs.some((input) => input && dependent.has(input.node))) continue
    dependent.add(node)
    const reach = reachThrough(node, (value) =>
      dependent.has(value.node) ? (reaches.get(value) ?? 'everywhere') : 'nowhere',
    )
    if (reach) reaches.set(node.outputs[0]!, reach)
  }
  return reaches
}

/** Slides over one axis: output position i reads input positions i · stride − begin + k · dilation for k < kernel. */
export interface AxisWindow {
  readonly kernel: number
  readonly stride: number
  readonly dilation: number
  readonly begin: number
}

/** The windows of a convolution or pooling along rows and columns; undefined for any other operator, or another number of axes. */
export function windowsOf(node: Node): readonly [AxisWindow, AxisWindow] | undefined {
  const kernel =
    node.op === 'Conv'
      ? (node.inputs[1]!.shape.slice(2) as number[])
      : pooling.has(node.op)
        ? numbersOf(node, 'kernel_shape')
        : undefined
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

function reachThrough(
  node: Node,
  reachOf: (value: Value) => ReceptiveField | 'everywhere' | 'nowhere',
): ReceptiveField | undefined {
  const [y] = node.outputs
  const [x, ...rest] = node.inputs
  if (y!.shape.length !== 4) return undefined
  if (pointwise.has(node.op)) return commonReach(node, y!, reachOf)
  const windows = windowsOf(node)
  if (!windows || rest.some((input) => input && reachOf(input) !== 'nowhere')) return undefined
  if (node.op === 'AveragePool' && !isUnpadded(node)) return undefined
  const reach = reachOf(x!)
  if (typeof reach === 'string') return undefined
  const along = (axis: 0 | 1): AxisReceptiveField => {
    const { stride, low, high } = reach[axis]
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

/** Without padding every average is of equally many elements. */
function isUnpadded(node: Node): boolean {
  const pads = numbersOf(node, 'pads') ?? []
  const explicit = node.attributes['auto_pad'] === 'NOTSET' && all(pads, 0)
  return explicit && numberOf(node, 'ceil_mode') === 0
}

/** Of a pointwise operator. */
function commonReach(
  node: Node,
  y: Value,
  reachOf: (value: Value) => ReceptiveField | 'everywhere' | 'nowhere',
): ReceptiveField | undefined {
  let common: ReceptiveField | undefined
  for (const input of node.inputs) {
    if (!input) continue
    const reach = reachOf(input)
    if (reach === 'everywhere') return undefined
    if (reach === 'nowhere') {
      if (node.op !== 'BatchNormalization' && !isUniform(input)) return undefined
      continue
    }
    const sameSize = [2, 3].every((axis) => input.shape[axis] === y.shape[axis])
    const merged = common ? mergeReaches(common, reach) : reach
    if (!sameSize || !merged) return undefined
    common = merged
  }
  return common
}

/** Whether a value broadcast to `[n, c, h, w]` is the same at every position. */
function isUniform({ shape }: Value): boolean {
  return shape.slice(-2).every((dim) => dim === 1) || shape.length === 0
}

function mergeReaches(a: ReceptiveField, b: ReceptiveField): ReceptiveField | undefined {
  const merge = (
    left: AxisReceptiveField,
    right: AxisReceptiveField,
  ): AxisReceptiveField | undefined =>
    left.stride === right.stride && left.size === right.size
      ? {
          ...left,
          low: Math.min(left.low, right.low),
          high: Math.max(left.high, right.high),
        }
      : undefined
  const [rows, columns] = [merge(a[0], b[0]), merge(a[1], b[1])]
  return rows && columns && [rows, columns]
}
