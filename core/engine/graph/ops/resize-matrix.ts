/** The weights of Resize along one axis. */
import { numberOf, shapeError, textOf, type Call } from '../operator-call.ts'

/** How an axis is sampled. */
export interface AxisSampling {
  readonly from: number
  readonly to: number
  readonly scale: number
  /** Start and end of the region of interest, in [0, 1]. */
  readonly region?: readonly [start: number, end: number]
}

/**
 * The weight of each element of the input (rows) in each element of the output (columns), and which
 * elements of the output lie outside of the input, as 1 or 0.
 */
export function resizeMatrix(
  call: Call,
  sampling: AxisSampling,
): { readonly weights: readonly number[]; readonly outside: readonly number[] } {
  const { from, to } = sampling
  const weights = Array.from({ length: from * to }, () => 0)
  const outside = Array.from({ length: to }, () => 0)
  for (let i = 0; i < to; i++) {
    const position = positionOf(call, i, sampling)
    if (sampling.region && (position < 0 || position > from - 1)) {
      outside[i] = 1
      continue
    }
    for (const [at, weight] of weightsAt(call, position, sampling))
      weights[Math.min(Math.max(at, 0), from - 1) * to + i]! += weight
  }
  return { weights, outside }
}

/** The coordinate in the input of element i of the output, in float32 as in onnxruntime. */
function positionOf(call: Call, i: number, { from, to, scale, region }: AxisSampling): number {
  const mode = textOf(call, 'coordinate_transformation_mode')
  const factor = Math.fround(scale)
  switch (mode) {
    case 'half_pixel':
      return centered(i, factor)
    case 'pytorch_half_pixel':
      return to > 1 ? centered(i, factor) : 0
    case 'half_pixel_symmetric': {
      const adjustment = to / (factor * from)
      return Math.fround((from / 2) * (1 - adjustment) + centered(i, factor))
    }
    case 'align_corners':
      return to === 1 ? 0 : Math.fround((i * (from - 1)) / (to - 1))
    // Of operator sets before 13, and written by tf2onnx.
    case 'tf_half_pixel_for_nn':
      return Math.fround((i + 0.5) / factor)
    case 'asymmetric':
      return Math.fround(i / factor)
    case 'tf_crop_and_resize': {
      const [start, end] = region ?? [0, 1]
      return to > 1
        ? Math.fround(start * (from - 1) + (i * (end - start) * (from - 1)) / (to - 1))
        : Math.fround(0.5 * (start + end) * (from - 1))
    }
    default:
      throw shapeError(call, `coordinate_transformation_mode "${mode}" is not supported`)
  }
}

/** Pixels are unit squares; their centers correspond. */
function centered(i: number, factor: number): number {
  return Math.fround(Math.fround((i + 0.5) / factor) - 0.5)
}

type Weights = readonly (readonly [at: number, weight: number])[]

function weightsAt(call: Call, position: number, sampling: AxisSampling): Weights {
  const mode = textOf(call, 'mode')
  if (mode === 'nearest') return [[nearest(call, position), 1]]
  if (mode !== 'linear' && mode !== 'cubic')
    throw shapeError(call, `mode "${mode}" is not supported (nearest, linear, cubic)`)
  const antialias = numberOf(call, 'antialias') === 1 && sampling.scale < 1
  const stretch = antialias ? sampling.scale : 1
  const radius = (mode === 'linear' ? 1 : 2) / stretch
  const a = numberOf(call, 'cubic_coeff_a')
  const kernel = mode === 'linear' ? triangle : (distance: number) => cubic(distance, a)
  const excludes = (antialias || mode === 'cubic') && numberOf(call, 'exclude_outside') === 1
  const entries: (readonly [number, number])[] = []
  for (let at = Math.ceil(position - radius); at <= Math.floor(position + radius); at++) {
    const weight = kernel(Math.abs(at - position) * stretch)
    if (weight !== 0 && !(excludes && (at < 0 || at >= sampling.from))) entries.push([at, weight])
  }
  const total = entries.reduce((sum, [, weight]) => sum + weight, 0)
  return entries.map(([at, weight]) => [at, weight / total])
}

function nearest(call: Call, position: number): number {
  const mode = textOf(call, 'nearest_mode')
  switch (mode) {
    case 'floor':
      return Math.floor(position)
    case 'ceil':
      return Math.ceil(position)
    case 'round_prefer_floor':
      return Math.ceil(position - 0.5)
    case 'round_prefer_ceil':
      return Math.floor(position + 0.5)
    default:
      throw shapeError(call, `nearest_mode "${mode}" is not supported`)
  }
}

function triangle(distance: number): number {
  return Math.max(0, 1 - distance)
}

/** The cubic convolution kernel. @see Keys 1981, doi:10.1109/TASSP.1981.1163711, eq. 4 */
function cubic(distance: number, a: number): number {
  if (distance >= 2) return 0
  if (distance > 1) return a * (((distance - 5) * distance + 8) * distance - 4)
  return ((a + 2) * distance - (a + 3)) * distance * distance + 1
}
