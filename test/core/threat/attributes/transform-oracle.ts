/** The attribute transform as plain float64 loops: an independent oracle for the expressions. */
import type { AttributeName } from '../../../../core/threat/attributes.ts'

export type OracleValues = Readonly<Partial<Record<AttributeName, number>>>

type Shape = readonly [channels: number, height: number, width: number]

/** T(x) of one image `[c, h, w]`. */
export function transformed(
  image: ArrayLike<number>,
  shape: Shape,
  values: OracleValues,
  [low, high]: readonly [low: number, high: number],
): Float64Array {
  const x = unclipped(image, shape, values, low)
  return x.map((value) => Math.min(Math.max(value, low), high))
}

function unclipped(
  image: ArrayLike<number>,
  shape: Shape,
  values: OracleValues,
  fill: number,
): Float64Array {
  const [channels, height, width] = shape
  const { rotation = 0, scale = 1, translationX = 0, translationY = 0 } = values
  const area = height * width
  let x = new Float64Array(channels * area)
  const radians = (rotation / 180) * Math.PI
  for (let channel = 0; channel < channels; channel++) {
    const pixel = (row: number, column: number): number => {
      const outside = row < 0 || column < 0 || row >= height || column >= width
      return outside ? fill : image[channel * area + row * width + column]!
    }
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        // Undo translation, scale, and rotation, in this order, with the y axis up.
        const right = (column - translationX - (width - 1) / 2) / scale
        const up = -(row - translationY - (height - 1) / 2) / scale
        const sourceRight = right * Math.cos(-radians) - up * Math.sin(-radians)
        const sourceUp = right * Math.sin(-radians) + up * Math.cos(-radians)
        const sourceColumn = sourceRight + (width - 1) / 2
        const sourceRow = -sourceUp + (height - 1) / 2
        let sum = 0
        for (const r of [Math.floor(sourceRow), Math.floor(sourceRow) + 1]) {
          for (const c of [Math.floor(sourceColumn), Math.floor(sourceColumn) + 1]) {
            const weight = (1 - Math.abs(sourceRow - r)) * (1 - Math.abs(sourceColumn - c))
            sum += weight * pixel(r, c)
          }
        }
        x[channel * area + row * width + column] = sum
      }
    }
  }
  if (values.hue !== undefined) x = perPixel(x, area, (rgb) => turned(rgb, values.hue!))
  if (values.saturation !== undefined) {
    const s = values.saturation
    x = perPixel(x, area, (rgb) => rgb.map((value) => luma(rgb) + s * (value - luma(rgb))))
  }
  if (values.contrast !== undefined) {
    const mean = x.reduce((sum, value) => sum + value, 0) / x.length
    x = x.map((value) => mean + values.contrast! * (value - mean))
  }
  return x.map((value) => value + (values.brightness ?? 0))
}

export function luma([red, green, blue]: readonly number[]): number {
  return 0.299 * red! + 0.587 * green! + 0.114 * blue!
}

/** Rotates the hue in YIQ, with the published four-decimal matrix and its inverse. */
function turned(rgb: readonly number[], degrees: number): number[] {
  const matrix = [
    [0.299, 0.587, 0.114],
    [0.5959, -0.2746, -0.3213],
    [0.2115, -0.5227, 0.3112],
  ]
  const [y, i, q] = matrix.map((row) => row.reduce((sum, value, k) => sum + value * rgb[k]!, 0))
  const angle = (degrees / 180) * Math.PI
  const turnedQ = q! * Math.cos(angle) - i! * Math.sin(angle)
  const turnedI = q! * Math.sin(angle) + i! * Math.cos(angle)
  return solve(matrix, [y!, turnedI, turnedQ])
}

/** Cramer's rule for three equations. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const determinant = (m: readonly (readonly number[])[]): number =>
    m[0]![0]! * (m[1]![1]! * m[2]![2]! - m[1]![2]! * m[2]![1]!) -
    m[0]![1]! * (m[1]![0]! * m[2]![2]! - m[1]![2]! * m[2]![0]!) +
    m[0]![2]! * (m[1]![0]! * m[2]![1]! - m[1]![1]! * m[2]![0]!)
  return [0, 1, 2].map((column) => {
    const replaced = matrix.map((row, k) => row.map((v, at) => (at === column ? right[k]! : v)))
    return determinant(replaced) / determinant(matrix)
  })
}

function perPixel(
  x: Float64Array,
  area: number,
  change: (rgb: number[]) => number[],
): Float64Array<ArrayBuffer> {
  const output = new Float64Array(x.length)
  for (let i = 0; i < area; i++) {
    const rgb = change([x[i]!, x[area + i]!, x[2 * area + i]!])
    rgb.forEach((value, channel) => {
      output[channel * area + i] = value
    })
  }
  return output
}
