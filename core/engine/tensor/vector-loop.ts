/** Loops over arrays with 128-bit vectors: written as expressions, compiled to WebAssembly. */
import { RobenchError } from '../../base/errors.ts'
import { instantiate, newMemory, pageBytes } from '../../base/wasm-module.ts'
import { arraysStart, bytesBefore, compileLoop, resultsStart, stride } from './vector-code.ts'
import type { ElementType, LoopPlan } from './vector-code.ts'
import { topologicalOrder } from './vector-expression.ts'
import type { Term } from './vector-expression.ts'

export { v } from './vector-expression.ts'
export type { Term } from './vector-expression.ts'

export type { ElementType } from './vector-code.ts'

/** The array of each element type. */
export interface ElementArrays {
  float32: Float32Array
  float64: Float64Array
}

/** The outputs of a loop. */
export interface LoopBody<Name extends string = string> {
  /**
   * New contents of arrays, rounded for float32. An array may be read and written: each component
   * is read before any output of it is written.
   */
  readonly writes?: { readonly [K in Name]?: Term }
  /** Sums over all components; 0 for empty arrays. The order of additions is fixed. */
  readonly sums?: Readonly<Record<string, Term>>
  /** Maxima over all components, ignoring NaN; −Infinity for empty arrays. */
  readonly largest?: Readonly<Record<string, Term>>
}

/** The arrays, scalars and outputs of a loop. */
export interface LoopDefinition<
  Arrays extends Readonly<Record<string, ElementType>>,
  Scalar extends string,
  Body extends LoopBody<keyof Arrays & string>,
> {
  readonly arrays: Arrays
  readonly scalars?: readonly Scalar[]
  /** Called once, before the first run. */
  body(operands: Readonly<Record<(keyof Arrays & string) | Scalar, Term>>): Body
}

type ArraysOf<Arrays extends Readonly<Record<string, ElementType>>> = {
  readonly [K in keyof Arrays]: ElementArrays[Arrays[K]]
}
type Keys<Group> = Group extends object ? keyof Group & string : never
type ResultsOf<Body extends LoopBody> = Readonly<
  Record<Keys<Body['sums']> | Keys<Body['largest']>, number>
>

/** A loop over arrays of one length. */
export interface VectorLoop<
  Arrays extends Readonly<Record<string, ElementType>>,
  Scalar extends string,
  Body extends LoopBody,
> {
  /** @throws RobenchError ROBENCH_INTERNAL if the arrays have different lengths */
  run(arrays: ArraysOf<Arrays>, scalars: Readonly<Record<Scalar, number>>): ResultsOf<Body>
  /**
   * For several runs over the same arrays, which must not be changed in between: consecutive runs
   * copy them in only once.
   * @throws as `run`
   */
  over(arrays: ArraysOf<Arrays>): (scalars: Readonly<Record<Scalar, number>>) => ResultsOf<Body>
}

/**
 * A loop over arrays of equal, arbitrary length. JavaScript engines process one component at a time
 * and predict the outcome of each comparison, which gradients make almost random. This loop
 * processes two at a time, and a comparison is as fast as an addition.
 *
 * All arithmetic is in float64. Each component is computed as in JavaScript, bit for bit; see `v`
 * for comparisons with NaN. Only sums are added in another order, which is the same on every
 * machine. A call costs a quarter of a microsecond, plus the loop and the copies of the arrays into
 * WebAssembly memory and back. It works in every Node version that robench supports, on ARM64 and
 * on x86 processors with SSE 4.1.
 */
export function vectorLoop<
  const Arrays extends Readonly<Record<string, ElementType>>,
  Body extends LoopBody<keyof Arrays & string>,
  const Scalar extends string = never,
>(definition: LoopDefinition<Arrays, Scalar, Body>): VectorLoop<Arrays, Scalar, Body> {
  let compiled: CompiledLoop | undefined
  const over = (arrays: ArraysOf<Arrays>) => {
    compiled ??= new CompiledLoop(definition)
    return compiled.over(arrays) as (scalars: Readonly<Record<Scalar, number>>) => ResultsOf<Body>
  }
  return { over, run: (arrays, scalars) => over(arrays)(scalars) }
}

type AnyArrays = Readonly<Record<string, Float32Array | Float64Array>>
type Numbers = Readonly<Record<string, number>>
/** The memory of all loops. Between calls it holds nothing but the loaded arrays. */
const memory = newMemory(1)
/** The call whose arrays are loaded. */
let loaded: object | undefined

function reserve(bytes: number): void {
  const missing = bytes - memory.buffer.byteLength
  if (missing > 0) memory.grow(Math.ceil(missing / pageBytes))
}

/** A compiled loop. */
class CompiledLoop {
  readonly #plan: LoopPlan
  readonly #names: readonly string[]
  readonly #read: readonly string[]
  readonly #written: readonly string[]
  readonly #results: readonly { readonly name: string; readonly isSum: boolean }[]
  readonly #run: (count: number) => void
  /** Views of memory: scalars and results, and the arrays of the last call. */
  #numbers = new Float64Array(0)
  #views: AnyArrays = {}
  #length = -1

  constructor(definition: LoopDefinition<Readonly<Record<string, ElementType>>, string, LoopBody>) {
    const { arrays, scalars = [] } = definition
    const operands = Object.fromEntries<Term>([
      ...Object.keys(arrays).map((name) => [name, { kind: 'array', name }] as const),
      ...scalars.map((name) => [name, { kind: 'scalar', name }] as const),
    ])
    const { writes = {}, sums = {}, largest = {} } = definition.body(operands)
    const written = Object.entries(writes).filter((entry): entry is [string, Term] => !!entry[1])
    this.#plan = {
      arrays: new Map(Object.entries(arrays)),
      scalars,
      writes: new Map(written),
      reductions: [
        ...Object.values(sums).map((term) => ({ kind: 'sum', term }) as const),
        ...Object.values(largest).map((term) => ({ kind: 'largest', term }) as const),
      ],
    }
    this.#results = [
      ...Object.keys(sums).map((name) => ({ name, isSum: true })),
      ...Object.keys(largest).map((name) => ({ name, isSum: false })),
    ]
    this.#names = Object.keys(arrays)
    this.#written = written.map(([name]) => name)
    const roots = [
      ...written.map(([, term]) => term),
      ...Object.values(sums),
      ...Object.values(largest),
    ]
    this.#read = topologicalOrder(roots).flatMap((node) =>
      node.kind === 'array' ? [node.name] : [],
    )
    this.#run = instantiate(compileLoop(this.#plan), memory)
  }

  over(arrays: AnyArrays): (scalars: Numbers) => Numbers {
    const length = this.#lengthOf(arrays)
    const call = (scalars: Numbers): Numbers => {
      if (loaded !== call) this.#copyIn(arrays, length)
      loaded = call
      this.#plan.scalars.forEach((name, k) => {
        this.#numbers[k] = scalars[name]!
      })
      this.#run(length)
      for (const name of this.#written) arrays[name]!.set(this.#views[name]!)
      return this.#collect()
    }
    return call
  }

  #lengthOf(arrays: AnyArrays): number {
    const { length } = arrays[this.#names[0]!]!
    for (const name of this.#names) {
      if (arrays[name]!.length === length) continue
      const lengths = this.#names.map((each) => `${each} of ${arrays[each]!.length}`)
      throw new RobenchError(
        'ROBENCH_INTERNAL',
        `vector loop: expected arrays of equal length, got ${lengths.join(', ')}`,
      )
    }
    return length
  }

  #copyIn(arrays: AnyArrays, length: number): void {
    // Growing the memory replaces its buffer.
    if (length !== this.#length || this.#numbers.buffer !== memory.buffer) this.#layOut(length)
    for (const name of this.#read) this.#views[name]!.set(arrays[name]!)
  }

  /** Lays out the memory for arrays of this length. */
  #layOut(length: number): void {
    const { arrays } = this.#plan
    const first = arraysStart(this.#plan)
    const padded = Math.ceil(length / stride) * stride
    reserve(first + padded * bytesBefore(arrays))
    const { buffer } = memory
    this.#numbers = new Float64Array(buffer, 0, first / Float64Array.BYTES_PER_ELEMENT)
    this.#views = Object.fromEntries(
      [...arrays].map(([name, type]) => {
        const at = first + padded * bytesBefore(arrays, name)
        const ArrayOfType = type === 'float32' ? Float32Array : Float64Array
        return [name, new ArrayOfType(buffer, at, length)]
      }),
    )
    this.#length = length
  }

  /** Combines the partial results. */
  #collect(): Numbers {
    const results: Record<string, number> = {}
    let at = resultsStart(this.#plan)
    for (const { name, isSum } of this.#results) {
      const a = this.#numbers[at++]!
      const b = this.#numbers[at++]!
      const c = this.#numbers[at++]!
      const d = this.#numbers[at++]!
      results[name] = isSum ? a + b + (c + d) : Math.max(a, b, c, d)
    }
    return results
  }
}
