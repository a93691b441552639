/** Applies reshapes, transposes, and slices to large constants when a graph is compiled. */
import { float32, sizeOf, type FloatTensor } from '../tensor/tensor.ts'
import type { Builder } from './builder.ts'
import { g } from './graph.ts'
import { reapply, rewrite, type Rewrite } from './rewrite.ts'
import type { Node, Value } from './value.ts'

/** Elements below which onnxruntime folds as well. */
const smallest = 4096

/** Elements of a constant in some order: element i has the place offset + Σ index · stride. */
interface View {
  readonly data: Float32Array
  readonly shape: readonly number[]
  readonly strides: readonly number[]
  readonly offset: number
}

/**
 * Replaces chains of `Reshape`, `Transpose`, and `Slice` of constants by one constant each.
 * onnxruntime would fold them too, but it keeps each intermediate result until it has folded the
 * whole graph, which is several times the memory of the weights, and takes longer.
 * @param builder knows all operators of the graph
 */
export function foldMovements(values: readonly Value[], builder: Builder = g): Value[] {
  const views = new Map<Value, View>()
  const constants = new Map<View, Value>()
  const constantOf = (view: View): Value => {
    const known = constants.get(view) ?? g.constant(ordered(view))
    constants.set(view, known)
    return known
  }
  const visit: Rewrite = (node, inputs) => {
    const [moved] = node.inputs
    const source = moved && (views.get(moved) ?? viewOf(moved))
    const view = source && move(node, source)
    if (view) {
      views.set(node.outputs[0]!, view)
      return undefined
    }
    const replaced = inputs.map((input, i) => {
      const own = node.inputs[i] && views.get(node.inputs[i])
      return own ? constantOf(own) : input
    })
    const unchanged = replaced.every((input, i) => input === inputs[i])
    return unchanged ? undefined : reapply(node, replaced, builder)
  }
  return rewrite(values, visit, builder)
}

/** A large float32 constant as a view of itself. */
function viewOf({ node }: Value): View | undefined {
  const data = node.tensor?.data
  if (!(data instanceof Float32Array) || data.length < smallest) return undefined
  const { shape } = node.tensor!
  return { data, shape, strides: stridesOf(shape), offset: 0 }
}

function move(node: Node, view: View): View | undefined {
  const { shape, strides } = view
  if (node.op === 'Transpose') {
    const perm = node.attributes['perm'] as readonly number[] | undefined
    const order = perm ?? shape.map((_, axis) => shape.length - 1 - axis)
    return { ...view, shape: order.map((i) => shape[i]!), strides: order.map((i) => strides[i]!) }
  }
  if (node.op === 'Reshape') {
    const sizes = node.outputs[0]!.shape
    if (!sizes.every((size) => typeof size === 'number')) return undefined
    const inPlace = withUnitAxes(view, sizes)
    if (inPlace) return inPlace
    return { data: ordered(view).data, shape: sizes, strides: stridesOf(sizes), offset: 0 }
  }
  return node.op === 'Slice' ? slice(node, view) : undefined
}

function slice({ inputs, outputs }: Node, view: View): View | undefined {
  const [starts, , axes, steps] = inputs.slice(1).map((input) => input?.contents)
  const sizes = outputs[0]!.shape
  if (!isNumbers(starts) || !isNumbers(axes) || !sizes.every((size) => typeof size === 'number')) {
    return undefined
  }
  if (inputs[4] && !isNumbers(steps)) return undefined
  const strides = [...view.strides]
  let { offset } = view
  axes.forEach((given, i) => {
    const axis = given < 0 ? given + view.shape.length : given
    const size = view.shape[axis]!
    const step = Number(steps?.[i] ?? 1)
    const start = starts[i]! < 0 ? starts[i]! + size : starts[i]!
    const first = Math.min(Math.max(start, 0), step < 0 ? size - 1 : size)
    offset += first * strides[axis]!
    strides[axis]! *= step
  })
  return { data: view.data, shape: sizes, strides, offset }
}

function isNumbers(contents: Value['contents']): contents is readonly number[] {
  return contents !== undefined && contents.every((item) => typeof item === 'number')
}

/** The view with other axes of size 1; undefined for other changes of shape. */
function withUnitAxes(view: View, sizes: readonly number[]): View | undefined {
  const long = [...view.shape.keys()].filter((axis) => view.shape[axis] !== 1)
  const lengths = sizes.filter((size) => size !== 1)
  const same =
    long.length === lengths.length && long.every((axis, i) => view.shape[axis] === lengths[i])
  if (!same) return undefined
  let next = 0
  const strides = sizes.map((size) => (size === 1 ? 0 : view.strides[long[next++]!]!))
  return { ...view, shape: sizes, strides }
}

/** Whether the elements of a view are all of its data, in order. */
function isWhole(view: View): boolean {
  const { shape, strides } = mergedAxes(view)
  const isAll = view.offset === 0 && shape.length === 1 && shape[0] === view.data.length
  return isAll && (strides[0] === 1 || shape[0] === 1)
}

/** The elements of a view in order. */
function ordered(view: View): FloatTensor {
  const { data, offset } = view
  if (isWhole(view)) return { dtype: 'float32', shape: view.shape, data }
  const result = new Float32Array(sizeOf(view.shape))
  const { shape, strides } = mergedAxes(view)
  const last = shape.length - 1
  const length = shape[last]!
  const stride = strides[last]!
  const index = Array.from({ length: last }, () => 0)
  let from = offset
  for (let to = 0; to < result.length;) {
    for (let i = 0, place = from; i < length; i++, place += stride) result[to++] = data[place]!
    let axis = last - 1
    for (; axis >= 0; axis--) {
      from += strides[axis]!
      if (++index[axis]! < shape[axis]!) break
      from -= strides[axis]! * shape[axis]!
      index[axis] = 0
    }
    if (axis < 0) break
  }
  return float32(view.shape, result)
}

/** The axes of a view, with neighbors as one where one step of the outer is all of the inner. */
function mergedAxes({ shape, strides }: View): Pick<View, 'shape' | 'strides'> {
  const sizes = [1]
  const steps = [0]
  for (const [axis, size] of shape.entries()) {
    if (size === 1) continue
    const stride = strides[axis]!
    const outer = sizes.length - 1
    if (sizes[outer] === 1) {
      sizes[outer] = size
      steps[outer] = stride
    } else if (steps[outer] === size * stride) {
      sizes[outer] = sizes[outer]! * size
      steps[outer] = stride
    } else {
      sizes.push(size)
      steps.push(stride)
    }
  }
  return { shape: sizes, strides: steps }
}

function stridesOf(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1)
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    strides[axis] = strides[axis + 1]! * shape[axis + 1]!
  }
  return strides
}
