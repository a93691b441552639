/** Dimensions: numbers, or symbols with an integer factor, such as `n` and `49*n`. */
import { sizeOf } from '../tensor/tensor.ts'

/** A known size, or a symbol with an optional factor (`49*n`). */
export type Dim = number | string

/** The product of dimensions, in canonical form: factor first, then the symbols in order. */
export function multiplyDims(dims: readonly Dim[]): Dim {
  let factor = 1
  const symbols: string[] = []
  for (const dim of dims) {
    const parts = split(dim)
    factor *= parts.factor
    symbols.push(...parts.symbols)
  }
  return join(factor, symbols)
}

/** The product of the known dimensions; each symbol, with its factor, counts as 1. */
export function knownSize(dims: readonly Dim[]): number {
  return sizeOf(dims.filter((dim) => typeof dim === 'number'))
}

/** The product of the dimensions where each symbol is 1 but its factor counts: `49*n` is 49. */
export function sizePerExample(dims: readonly Dim[]): number {
  return dims.reduce<number>((size, dim) => size * split(dim).factor, 1)
}

/** `whole / part` if it is an integer multiple, else undefined. */
export function divideDims(whole: Dim, part: Dim): Dim | undefined {
  const a = split(whole)
  const b = split(part)
  if (b.factor === 0 || a.factor % b.factor !== 0) return undefined
  const symbols = [...a.symbols]
  for (const symbol of b.symbols) {
    const at = symbols.indexOf(symbol)
    if (at < 0) return undefined
    symbols.splice(at, 1)
  }
  return join(a.factor / b.factor, symbols)
}

/** The broadcast of two shapes (ONNX multidirectional); undefined if they are incompatible. */
export function broadcastShapes(a: readonly Dim[], b: readonly Dim[]): Dim[] | undefined {
  const rank = Math.max(a.length, b.length)
  const result: Dim[] = []
  for (let i = 0; i < rank; i++) {
    const left = a[a.length - rank + i] ?? 1
    const right = b[b.length - rank + i] ?? 1
    if (left === right || right === 1) result.push(left)
    else if (left === 1) result.push(right)
    // A symbol and another size must be equal at run time; the number is more specific.
    else if (typeof left === 'string') result.push(right)
    else if (typeof right === 'string') result.push(left)
    else return undefined
  }
  return result
}

/** A shape as text: `[n, 3, 32, 32]`. */
export function formatShape(shape: readonly Dim[]): string {
  return `[${shape.join(', ')}]`
}

function split(dim: Dim): { factor: number; symbols: string[] } {
  if (typeof dim === 'number') return { factor: dim, symbols: [] }
  const parts = dim.split('*')
  const factor = Number(parts[0])
  return Number.isInteger(factor)
    ? { factor, symbols: parts.slice(1) }
    : { factor: 1, symbols: parts }
}

function join(factor: number, symbols: readonly string[]): Dim {
  if (symbols.length === 0 || factor === 0) return factor
  const product = symbols.toSorted().join('*')
  return factor === 1 ? product : `${factor}*${product}`
}
