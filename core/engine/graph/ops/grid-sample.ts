/** Sampling of images at points of a grid, and grids of affine maps. */
import { int64, sizeOf } from '../../tensor/tensor.ts'
import { defineFunction, given, int, since, text, type OpRecord } from '../operator.ts'
import { inputOf, numberOf, shapeError, sizesOf, textOf, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { SampleInput } from '../operator.ts'
import type { Attributes, Value } from '../value.ts'

/**
 * Points inside and outside of an image, away from the middles of pixels and those between them,
 * where the result is not differentiable.
 */
function grid(shape: readonly number[], image: readonly number[], aligned: number): SampleInput {
  const axes = image.length
  const values = Array.from({ length: sizeOf(shape) }, (_, i) => {
    const length = image[axes - 1 - (i % axes)]!
    const pixel = ((i * 7) % (length + 3)) - 2 + (i % 4 < 2 ? 0.27 : 0.74)
    return aligned ? (2 * pixel) / (length - 1) - 1 : (2 * pixel + 1) / length - 1
  })
  return { shape, values }
}
const modes = ['linear', 'nearest', 'cubic']
const paddings = ['zeros', 'border', 'reflection']

export const GridSample = sampler('GridSample', (mode) => mode)
export const ContribGridSample = sampler('com.microsoft.GridSample', (mode) =>
  mode === 'linear' ? 'bilinear' : mode === 'cubic' ? 'bicubic' : mode,
)

/** Inputs theta `[n, d, d + 1]` and the size `[n, c, …]`: the points `[n, …, d]` of an affine map. */
export const AffineGrid = defineFunction({
  op: 'AffineGrid',
  attributes: { align_corners: int(0) },
  body: (g, call) => {
    const theta = inputOf(call, 0)
    const size = inputOf(call, 1).contents?.slice(2)
    if (!size) throw shapeError(call, 'the size must be known before the run')
    const spatial = sizesOf(call, size)
    const axes = spatial.length
    const aligned = numberOf(call, 'align_corners') === 1
    const points: number[] = []
    for (let i = 0; i < sizeOf(spatial); i++) {
      let rest = i
      const point = spatial.toReversed().map((length) => {
        const at = rest % length
        rest = Math.floor(rest / length)
        if (aligned) return length === 1 ? 0 : (2 * at) / (length - 1) - 1
        return (2 * at + 1) / length - 1
      })
      points.push(...point, 1)
    }
    const base = g.cast(g.floats([sizeOf(spatial), axes + 1], points), theta.dtype)
    const mapped = g.matMul(base, g.transpose(theta, [0, 2, 1]))
    return [g.reshape(mapped, [-1, ...spatial, axes])]
  },
  opsets: since(20),
  samples: [
    { inputs: [[2, 2, 3], given(2, 3, 4, 5)] },
    { inputs: [[1, 3, 4], given(1, 2, 2, 3, 4)], attributes: { align_corners: 1 } },
  ],
})

function sampler(op: string, nameOf: (mode: string) => string): OpRecord {
  const standard = op === 'GridSample'
  const options = (mode: string, padding: string, aligned: number): Attributes => ({
    mode: nameOf(mode),
    padding_mode: padding,
    align_corners: aligned,
  })
  return defineFunction({
    op,
    attributes: {
      align_corners: int(0),
      mode: text(nameOf('linear')),
      padding_mode: text('zeros'),
    },
    body: (g, call) => [sample(g, call)],
    opsets: since(16),
    samples: [
      ...modes.flatMap((mode) =>
        paddings.flatMap((padding, i) => [
          {
            inputs: [[2, 2, 2, 3], grid([2, 2, 3, 2], [2, 3], i % 2)],
            attributes: options(mode, padding, i % 2),
          },
        ]),
      ),
      ...(standard
        ? [
            {
              inputs: [[1, 2, 3, 4, 5], grid([1, 2, 2, 2, 3], [3, 4, 5], 0)],
              attributes: options('linear', 'zeros', 0),
            },
          ]
        : []),
    ],
  })
}

interface Sampling {
  readonly mode: 'linear' | 'nearest' | 'cubic'
  readonly padding: string
  readonly aligned: boolean
}

/** One of the pixels that a point reads along an axis. */
interface Tap {
  /** Indices, inside of the image. */
  readonly index: Value
  readonly weight: Value | null
}

function samplingOf(call: Call): Sampling {
  const given = textOf(call, 'mode')
  const names = { bilinear: 'linear', bicubic: 'cubic' } as const
  const mode = given === 'bilinear' || given === 'bicubic' ? names[given] : given
  const padding = textOf(call, 'padding_mode')
  if (mode !== 'linear' && mode !== 'nearest' && mode !== 'cubic')
    throw shapeError(call, `mode "${given}" is unknown (known: ${modes.join(', ')})`)
  if (!paddings.includes(padding))
    throw shapeError(call, `padding_mode "${padding}" is unknown (known: ${paddings.join(', ')})`)
  return { mode, padding, aligned: numberOf(call, 'align_corners') === 1 }
}

/** Σ over the taps of all axes: weight·x[index]. */
function sample(g: Builder, call: Call): Value {
  const [x, points] = [inputOf(call, 0), inputOf(call, 1)]
  const [channels, ...spatial] = sizesOf(call, x.shape, 1) as [number, ...number[]]
  const target = sizesOf(call, points.shape, 1).slice(0, -1)
  const sampling = samplingOf(call)
  const count = sizeOf(target)
  const flat = g.reshape(points, [-1, 1, count, spatial.length])
  // The last coordinate of a point is that of the first axis.
  const taps = spatial.map((length, axis) => {
    const at = spatial.length - 1 - axis
    const coordinate = g.squeeze(g.slice(flat, [at], [at + 1], [3]), [3])
    return tapsOf(g, coordinate, length, sampling)
  })
  const pixels = g.reshape(x, [-1, channels, sizeOf(spatial)])
  const spread = g.constant(
    int64(
      [1, channels, 1],
      Array.from({ length: channels }, () => 0),
    ),
  )
  let total: Value | null = null
  for (const chosen of combinations(taps)) {
    let index: Value | null = null
    let weight: Value | null = null
    for (const [axis, tap] of chosen.entries()) {
      index = index ? g.add(g.mul(index, spatial[axis]!), tap.index) : tap.index
      weight = weight && tap.weight ? g.mul(weight, tap.weight) : (weight ?? tap.weight)
    }
    const at = g.add(g.cast(index!, 'int64'), spread)
    const read = g.op('GatherElements', [pixels, at], { axis: 2 })[0]!
    const term = weight ? g.mul(read, weight) : read
    total = total ? g.add(total, term) : term
  }
  return g.reshape(total!, [-1, channels, ...target])
}

function combinations(taps: readonly (readonly Tap[])[]): Tap[][] {
  return taps.reduce<Tap[][]>(
    (all, axis) => all.flatMap((chosen) => axis.map((tap) => [...chosen, tap])),
    [[]],
  )
}

function tapsOf(g: Builder, coordinate: Value, length: number, sampling: Sampling): Tap[] {
  const { mode, padding, aligned } = sampling
  // −1 and 1 are the middles of the outer pixels, or their outer edges.
  const pixel = aligned
    ? g.mul(g.add(coordinate, 1), (length - 1) / 2)
    : g.sub(g.mul(g.add(coordinate, 1), length / 2), 0.5)
  const inside = (value: Value): Value => placeInside(g, value, length, sampling)
  if (mode === 'nearest')
    return [tap(g, g.op('Round', [inside(pixel)])[0]!, null, length, sampling)]
  const place = mode === 'cubic' || padding === 'zeros' ? pixel : inside(pixel)
  const first = g.op('Floor', [place])[0]!
  const offset = g.sub(place, first)
  if (mode === 'linear') {
    return [
      tap(g, first, g.sub(1, offset), length, sampling),
      tap(g, g.add(first, 1), offset, length, sampling),
    ]
  }
  const distances = [g.add(offset, 1), offset, g.sub(1, offset), g.sub(2, offset)]
  return distances.map((distance, k) => {
    const weight = k === 0 || k === 3 ? outerCubic(g, distance) : innerCubic(g, distance)
    return tap(g, g.add(first, k - 1), weight, length, sampling)
  })
}

/**
 * The cubic convolution kernel for distances up to 1, with a = −3/4.
 * @see Keys 1981, doi:10.1109/TASSP.1981.1163711, eq. 4
 */
function innerCubic(g: Builder, t: Value): Value {
  return g.add(g.mul(g.mul(g.sub(g.mul(t, 1.25), 2.25), t), t), 1)
}

/** The same for distances of 1 to 2. */
function outerCubic(g: Builder, t: Value): Value {
  return g.mul(g.sub(g.mul(g.add(g.mul(g.sub(t, 5), t), 8), t), 4), -0.75)
}

/** The pixel at an integer position, which may be outside of the image. */
function tap(
  g: Builder,
  position: Value,
  weight: Value | null,
  length: number,
  sampling: Sampling,
): Tap {
  const last = length - 1
  if (sampling.padding !== 'zeros') {
    const placed = g.clip(
      g.op('Floor', [g.add(placeInside(g, position, length, sampling), 0.5)])[0]!,
      0,
      last,
    )
    return { index: placed, weight }
  }
  const isOutside = g.greater(g.abs(g.sub(position, last / 2)), last / 2 + 0.25)
  const ones = weight ?? g.add(g.mul(position, 0), 1)
  return { index: g.clip(position, 0, last), weight: g.where(isOutside, 0, ones) }
}

/** Clamps or reflects positions into the image; zeros change nothing. */
function placeInside(
  g: Builder,
  value: Value,
  length: number,
  { padding, aligned }: Sampling,
): Value {
  if (padding === 'border') return g.clip(value, 0, length - 1)
  if (padding !== 'reflection') return value
  const [low, high] = aligned ? [0, length - 1] : [-0.5, length - 0.5]
  const range = high - low
  if (range === 0) return g.mul(value, 0)
  // A triangle wave of period 2·range.
  const shifted = g.sub(value, low)
  const periods = g.op('Floor', [g.div(shifted, 2 * range)])[0]!
  const rest = g.sub(shifted, g.mul(periods, 2 * range))
  return g.add(g.sub(range, g.abs(g.sub(rest, range))), low)
}
