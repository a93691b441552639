/** Discrete Fourier transforms as products with matrices of sines and cosines. */
import { defineFunction, int, since, type SampleInput } from '../operator.ts'
import {
  axisOf,
  inputOf,
  numberOf,
  numbersIn,
  shapeError,
  sizesOf,
  type Call,
} from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Value } from '../value.ts'

const scalar = (value: number): SampleInput => ({
  shape: [],
  dtype: 'int64',
  values: [value],
  constant: true,
})

/**
 * Inputs x (the last axis holds real and imaginary parts, or real parts only), length, axis. With
 * `onesided`, half of the spectrum of real numbers.
 */
export const DFT = defineFunction({
  op: 'DFT',
  except: '`onesided` only from real numbers',
  attributes: { inverse: int(0), onesided: int(0) },
  body: (g, call) => {
    const x = inputOf(call, 0)
    const [axis] = call.inputs[2] ? numbersIn(call, 2, 'the axis') : [-2]
    const at = axisOf(call, axis!, x.shape.length)
    const [length] = call.inputs[1] ? numbersIn(call, 1, 'the length') : []
    return [transform(g, call, x, at, length)]
  },
  // Before opset 20 the axis was an attribute.
  upgrade: (g, call, opset) => {
    if (opset >= 20) return call
    const { axis, ...attributes } = call.attributes
    const at = g.scalar(typeof axis === 'number' ? axis : 1, 'int64')
    return { inputs: [inputOf(call, 0), call.inputs[1] ?? null, at], attributes }
  },
  opsets: since(17),
  samples: [
    { inputs: [[2, 5, 1]] },
    { inputs: [[2, 6, 2], null, scalar(1)], attributes: { inverse: 1 } },
    { inputs: [[2, 5, 3, 1], scalar(4), scalar(1)], attributes: { onesided: 1 } },
    { inputs: [[2, 3, 4, 2], scalar(6), scalar(-2)] },
  ],
})

/** Inputs signal `[n, length, 1]` (or 2), step, window, frame length: `[n, frames, bins, 2]`. */
export const STFT = defineFunction({
  op: 'STFT',
  attributes: { onesided: int(1) },
  body: (g, call) => {
    const signal = inputOf(call, 0)
    const x = signal.shape.length === 2 ? g.unsqueeze(signal, [2]) : signal
    const [step] = numbersIn(call, 1, 'the step') as [number]
    const window = call.inputs[2]
    const [stated] = call.inputs[3] ? numbersIn(call, 3, 'the frame length') : []
    const frame = stated ?? (window ? sizesOf(call, window.shape)[0]! : 0)
    const [length] = sizesOf(call, x.shape, 1) as [number]
    const frames = Math.floor((length - frame) / step) + 1
    const at = Array.from(
      { length: frames * frame },
      (_, i) => Math.floor(i / frame) * step + (i % frame),
    )
    const gathered = g.gather(x, g.reshape(g.integers(at), [frames, frame]), 1)
    const windowed = window ? g.mul(gathered, g.unsqueeze(window, [1])) : gathered
    return [transform(g, { ...call, attributes: { inverse: 0, ...call.attributes } }, windowed, 2)]
  },
  opsets: since(17),
  samples: [
    { inputs: [[2, 9, 1], scalar(2), [4], scalar(4)] },
    { inputs: [[1, 8, 1], scalar(3), null, scalar(4)], attributes: { onesided: 0 } },
  ],
})

/** The transform along an axis; the signal is cut or padded with zeros to the length. */
function transform(g: Builder, call: Call, x: Value, axis: number, length?: number): Value {
  const rank = x.shape.length
  const [size, parts] = sizesOf(call, [x.shape[axis]!, x.shape[rank - 1]!]) as [number, number]
  const isOneSided = numberOf(call, 'onesided') === 1
  const isInverse = numberOf(call, 'inverse') === 1
  if (isOneSided && (isInverse || parts !== 1))
    throw shapeError(call, 'onesided is only supported for the transform of real numbers')
  const points = length ?? size
  const bins = isOneSided ? Math.floor(points / 2) + 1 : points
  const matrix = fourierMatrix(Math.min(size, points), parts, points, bins, isInverse)
  // The axis moves next to the parts, and both become rows of the matrix.
  const others = x.shape.flatMap((_, i) => (i === axis || i === rank - 1 ? [] : [i]))
  const cut = points < size ? g.slice(x, [0], [points], [axis]) : x
  const moved = g.transpose(cut, [...others, axis, rank - 1])
  const kept = others.map((i) => x.shape[i]!)
  const flat = g.reshape(moved, [-1, Math.min(size, points) * parts])
  const product = g.matMul(
    flat,
    g.cast(g.floats([Math.min(size, points) * parts, bins * 2], matrix), x.dtype),
  )
  const sizes = [...kept, bins, 2]
  const symbolic = sizes.filter((dim) => typeof dim === 'string').length
  if (symbolic > 1) throw shapeError(call, 'needs at most one symbolic size')
  const apart = g.reshape(
    product,
    sizes.map((dim) => (typeof dim === 'string' ? -1 : dim)),
  )
  const back = x.shape.map((_, i) =>
    i === axis ? rank - 2 : i === rank - 1 ? i : others.indexOf(i),
  )
  return g.transpose(apart, back)
}

/** Rows [point, part], columns [bin, part] of e^(∓2πi·point·bin/points), 1/points for the inverse. */
function fourierMatrix(
  rows: number,
  parts: number,
  points: number,
  bins: number,
  isInverse: boolean,
): number[] {
  const scale = isInverse ? 1 / points : 1
  const matrix: number[] = []
  for (let point = 0; point < rows; point++) {
    for (let part = 0; part < parts; part++) {
      for (let bin = 0; bin < bins; bin++) {
        // The remainder keeps the angle small, so that it is exact to float64.
        const angle = ((isInverse ? 2 : -2) * Math.PI * ((point * bin) % points)) / points
        const [real, imaginary] = [Math.cos(angle) * scale, Math.sin(angle) * scale]
        matrix.push(...(part === 0 ? [real, imaginary] : [-imaginary, real]))
      }
    }
  }
  return matrix
}
