/**
 * Resampling of images. It is linear and separable: along each resized axis a product with a matrix
 * of weights, whose transpose is the adjoint.
 */
import { defineFunction, float, int, ints, since, text } from '../operator.ts'
import {
  axisOf,
  contentsOf,
  inputOf,
  numberOf,
  numbersOf,
  shapeError,
  sizesOf,
  textOf,
  type Call,
} from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Dim } from '../dim.ts'
import type { SampleInput } from '../operator.ts'
import type { Value } from '../value.ts'
import { resizeMatrix, type AxisSampling } from './resize-matrix.ts'

const scales = (...values: readonly number[]): SampleInput => ({
  shape: [values.length],
  values,
  constant: true,
})
const target = (...values: readonly number[]): SampleInput => ({
  shape: [values.length],
  dtype: 'int64',
  values,
  constant: true,
})

/**
 * Inputs x, region of interest, scales, sizes. The modes and coordinate transformations of ONNX,
 * with antialiasing and regions of interest.
 */
export const Resize = defineFunction({
  op: 'Resize',
  attributes: {
    antialias: int(0),
    axes: ints(),
    coordinate_transformation_mode: text('half_pixel'),
    cubic_coeff_a: float(-0.75),
    exclude_outside: int(0),
    extrapolation_value: float(0),
    keep_aspect_ratio_policy: text('stretch'),
    mode: text('nearest'),
    nearest_mode: text('round_prefer_floor'),
  },
  body: (g, call) => {
    let value = inputOf(call, 0)
    for (const axis of samplings(call)) value = resample(g, call, value, axis)
    return [value]
  },
  // Before opset 11 there were only scales and asymmetric coordinates.
  upgrade: (_g, call, opset) => {
    if (opset >= 11) return call
    const attributes = {
      ...call.attributes,
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: nearestOf(call),
    }
    return { inputs: [inputOf(call, 0), null, inputOf(call, 1)], attributes }
  },
  opsets: since(10),
  samples: [
    { inputs: [[1, 2, 3, 4], null, scales(1, 1, 2, 2)] },
    {
      inputs: [[1, 2, 3, 4], null, null, target(1, 2, 5, 7)],
      attributes: { mode: 'linear' },
    },
    {
      inputs: [[1, 2, 3, 4], null, null, target(1, 2, 5, 7)],
      attributes: { mode: 'linear', coordinate_transformation_mode: 'align_corners' },
    },
    {
      inputs: [[1, 1, 5, 6], null, scales(1, 1, 0.6, 0.5)],
      attributes: { mode: 'linear', coordinate_transformation_mode: 'asymmetric' },
    },
    {
      inputs: [[1, 1, 5, 6], null, null, target(1, 1, 3, 1)],
      attributes: { mode: 'linear', coordinate_transformation_mode: 'pytorch_half_pixel' },
    },
    { inputs: [[1, 2, 4, 5], null, scales(1, 1, 1.5, 2)], attributes: { mode: 'cubic' } },
    {
      inputs: [[1, 1, 4, 5], null, null, target(1, 1, 7, 4)],
      attributes: { mode: 'cubic', exclude_outside: 1, cubic_coeff_a: -0.5 },
    },
    ...['floor', 'ceil', 'round_prefer_ceil'].map((mode) => ({
      inputs: [[1, 1, 4, 5], null, null, target(1, 1, 7, 3)],
      attributes: { nearest_mode: mode, coordinate_transformation_mode: 'half_pixel' },
    })),
    {
      inputs: [[1, 1, 6, 8], null, null, target(1, 1, 3, 5)],
      attributes: { mode: 'linear', antialias: 1, exclude_outside: 1 },
    },
    {
      inputs: [[1, 1, 6, 8], null, null, target(1, 1, 3, 5)],
      attributes: { mode: 'cubic', antialias: 1, exclude_outside: 1, cubic_coeff_a: -0.5 },
    },
    {
      inputs: [[1, 1, 6, 8], null, null, target(1, 1, 3, 5)],
      attributes: { mode: 'cubic', antialias: 1 },
    },
    {
      inputs: [[1, 1, 6, 8], null, null, target(1, 1, 3, 5)],
      attributes: { mode: 'linear', antialias: 1 },
    },
    {
      inputs: [[1, 2, 4, 5], null, null, target(6, 3)],
      attributes: { mode: 'linear', axes: [2, 3] },
    },
    {
      inputs: [[1, 1, 4, 4], scales(0, 0, 0.2, 0.3, 1, 1, 0.9, 1.2), null, target(1, 1, 3, 3)],
      attributes: {
        mode: 'linear',
        coordinate_transformation_mode: 'tf_crop_and_resize',
        extrapolation_value: 2,
      },
    },
    {
      inputs: [[1, 1, 4, 4], null, scales(1, 1, 1.7, 1.7)],
      attributes: { mode: 'linear', coordinate_transformation_mode: 'half_pixel_symmetric' },
    },
    ...['not_larger', 'not_smaller'].map((policy) => ({
      inputs: [[1, 2, 4, 5], null, null, target(3, 7)],
      attributes: { mode: 'linear', axes: [2, 3], keep_aspect_ratio_policy: policy },
    })),
    ...['nearest', 'linear', 'cubic'].map((mode) => ({
      inputs: [[1, 1, 4, 5], null, null, target(1, 1, 7, 5)],
      attributes: { mode, coordinate_transformation_mode: 'tf_half_pixel_for_nn' },
    })),
  ],
})

/** The predecessor of Resize, with asymmetric coordinates. */
export const Upsample = defineFunction({
  op: 'Upsample',
  attributes: { mode: text('nearest') },
  body: (g, call) => {
    const mode = textOf(call, 'mode')
    return g.op('Resize', [inputOf(call, 0), null, inputOf(call, 1)], {
      mode: mode === 'bilinear' ? 'linear' : mode,
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    })
  },
  // Before opset 9 the scales were an attribute.
  upgrade: (g, call, opset) => {
    if (opset >= 9) return call
    const { scales: factors, ...attributes } = call.attributes
    const values = factors as readonly number[]
    return { inputs: [inputOf(call, 0), g.floats([values.length], values)], attributes }
  },
  opsets: [7, 9],
  samples: [
    { inputs: [[1, 2, 2, 3], scales(1, 1, 2, 3)] },
    { inputs: [[1, 2, 3, 3], scales(1, 1, 2, 1.5)], attributes: { mode: 'linear' } },
  ],
})

interface ResizedAxis extends AxisSampling {
  readonly axis: number
}

/** The resized axes with their sizes and coordinates. */
function samplings(call: Call): readonly ResizedAxis[] {
  const { shape } = inputOf(call, 0)
  const axes =
    numbersOf(call, 'axes')?.map((axis) => axisOf(call, axis, shape.length)) ??
    shape.map((_, axis) => axis)
  const stated = floatsIn(call, 2)
  const wanted = stated ? undefined : contentsOf(call, 3, 'the sizes')
  const common = wanted && commonFactor(call, axes, wanted)
  const factors = common === undefined ? stated : axes.map(() => common)
  const sizes =
    common === undefined
      ? wanted
      : axes.map((axis) => Math.round(Math.fround(common * (shape[axis] as number))))
  const roi =
    textOf(call, 'coordinate_transformation_mode') === 'tf_crop_and_resize'
      ? floatsIn(call, 1)
      : undefined
  return axes.flatMap((axis, i) => {
    const from = shape[axis]!
    const size = sizes?.[i] ?? (factors?.[i] === 1 ? from : undefined)
    if (size === from && !roi) return []
    if (typeof from !== 'number') {
      if (size === from) return []
      throw shapeError(call, `axis ${axis} must have a size known before the run`)
    }
    const to = typeof size === 'number' ? size : Math.floor(from * factors![i]!)
    const region = roi && ([roi[i]!, roi[i + axes.length]!] as const)
    if (to === from && (!region || (region[0] === 0 && region[1] === 1))) return []
    const scale = factors?.[i] ?? to / from
    return [{ axis, from, to, scale, ...(region && { region }) }]
  })
}

/** The scale of all resized axes if their ratios are kept: at most, or at least, the sizes. */
function commonFactor(
  call: Call,
  axes: readonly number[],
  sizes: readonly Dim[],
): number | undefined {
  const policy = textOf(call, 'keep_aspect_ratio_policy')
  if (policy === 'stretch') return undefined
  const { shape } = inputOf(call, 0)
  const from = sizesOf(
    call,
    axes.map((axis) => shape[axis]!),
  )
  const factors = sizesOf(call, sizes).map((to, i) => Math.fround(to / from[i]!))
  return policy === 'not_larger' ? Math.min(...factors) : Math.max(...factors)
}

/** The product with the matrix of weights along an axis. */
function resample(g: Builder, call: Call, x: Value, sampling: ResizedAxis): Value {
  const { weights, outside } = resizeMatrix(call, sampling)
  const { axis, from, to } = sampling
  const last = x.shape.length - 1
  const exchange = x.shape.map((_, i) => (i === axis ? last : i === last ? axis : i))
  const swapped = axis === last ? x : g.transpose(x, exchange)
  const product = g.matMul(swapped, g.cast(g.floats([from, to], weights), x.dtype))
  const back = axis === last ? product : g.transpose(product, exchange)
  if (!outside.includes(1)) return back
  const column = [to, ...x.shape.slice(axis + 1).map(() => 1)]
  const isOutside = g.cast(g.floats(column, outside), 'bool')
  return g.where(isOutside, numberOf(call, 'extrapolation_value'), back)
}

function floatsIn(call: Call, index: number): readonly number[] | undefined {
  const value = call.inputs[index]
  if (!value || value.shape[0] === 0) return undefined
  const data = value.node.tensor?.data
  if (!data) throw shapeError(call, `input ${index} must be known before the run`)
  return Array.from(data, Number)
}

/** Opset 10 rounds down when it enlarges. */
function nearestOf(call: Call): string {
  const isReduced = floatsIn(call, 1)?.some((factor) => factor < 1)
  return isReduced === true ? 'ceil' : 'floor'
}
