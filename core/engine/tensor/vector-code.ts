/** Makes of the expressions of a vector loop a WebAssembly function. */
import { inOrder, operandsOf } from './vector-expression.ts'
import type { ConditionOperator, Node, Term, TermOperator } from './vector-expression.ts'
import { code, encodeModule, instruction, instructions } from '../../base/wasm-module.ts'
import type { Code, ValueType } from '../../base/wasm-module.ts'

const { getLocal, setLocal } = instruction

/** What the components of an array are in memory. All are computed with as float64. */
export type ElementType = 'float32' | 'float64'
export const elementBytes: Readonly<Record<ElementType, number>> = { float32: 4, float64: 8 }

/** Components that are done at once. Arrays follow one another in memory, each of whole strides. */
export const stride = 4
const lanes = 2

export type Reduction = 'sum' | 'largest'

/** A loop whose arrays, scalars and results have their places. */
export interface LoopPlan {
  /** In memory the scalars come first, as float64, then four partial results of each reduction, and then the arrays. */
  readonly scalars: readonly string[]
  readonly arrays: ReadonlyMap<string, ElementType>
  readonly writes: ReadonlyMap<string, Term>
  readonly reductions: readonly { readonly kind: Reduction; readonly term: Term }[]
}

const operators: Readonly<Record<TermOperator | ConditionOperator, Code>> = {
  add: instructions['f64x2.add'],
  sub: instructions['f64x2.sub'],
  mul: instructions['f64x2.mul'],
  div: instructions['f64x2.div'],
  min: instructions['f64x2.pmin'],
  max: instructions['f64x2.pmax'],
  abs: instructions['f64x2.abs'],
  round: [...instructions['f32x4.demote_f64x2_zero'], ...instructions['f64x2.promote_low_f32x4']],
  select: instructions['v128.bitselect'],
  when: instructions['v128.and'],
  unless: instructions['v128.andnot'],
  less: instructions['f64x2.lt'],
  atMost: instructions['f64x2.le'],
  equal: instructions['f64x2.eq'],
}

/** A sum starts at zero, as locals do. */
const reductionCode: Readonly<
  Record<Reduction, { readonly start?: Code; readonly combine: Code }>
> = {
  sum: { combine: instructions['f64x2.add'] },
  largest: {
    start: instruction.f64x2(-Infinity, -Infinity),
    combine: instructions['f64x2.pmax'],
  },
}

/** The bytes of a module whose function `run(count)` does the loop. */
export function compileLoop(plan: LoopPlan): Uint8Array {
  return new LoopCompiler(plan).module()
}

/** Where in memory the partial results are, in float64. */
export function resultsStart({ scalars }: LoopPlan): number {
  return Math.ceil(scalars.length / lanes) * lanes
}

/** Where in memory the arrays begin, in bytes. */
export function arraysStart(plan: LoopPlan): number {
  return (resultsStart(plan) + plan.reductions.length * stride) * elementBytes.float64
}

/** Bytes that one component takes in the arrays before this one, or in all of them. */
export function bytesBefore(arrays: ReadonlyMap<string, ElementType>, name?: string): number {
  let bytes = 0
  for (const [other, type] of arrays) {
    if (other === name) break
    bytes += elementBytes[type]
  }
  return bytes
}

/**
 * The function: what does not depend on the component once, then strides of four components as two vectors, and at last vectors by
 * themselves, of which the last may be half beyond the end; that half takes no part in reductions.
 */
class LoopCompiler {
  readonly #plan: LoopPlan
  readonly #parameters: readonly ValueType[] = ['i32']
  readonly #locals: ValueType[] = []
  /** The local of each node, and of each array's address. */
  readonly #values = new Map<Node, number>()
  readonly #addresses = new Map<string, number>()
  /** For each reduction, two: one for each vector of a stride, so that they need not wait for one another. */
  readonly #accumulators: readonly (readonly [number, number])[]
  readonly #index: number
  /** The index in bytes. */
  readonly #offsets: Readonly<Record<ElementType, number>>
  readonly #mask: number

  constructor(plan: LoopPlan) {
    this.#plan = plan
    this.#index = this.#local('i32')
    this.#offsets = { float32: this.#local('i32'), float64: this.#local('i32') }
    this.#mask = this.#local('v128')
    for (const name of plan.arrays.keys()) this.#addresses.set(name, this.#local('i32'))
    this.#accumulators = plan.reductions.map(() => [this.#local('v128'), this.#local('v128')])
  }

  module(): Uint8Array {
    const { arrays, writes, reductions } = this.#plan
    const nodes = inOrder([...writes.values(), ...reductions.map(({ term }) => term)])
    const varying = new Set<Node>()
    for (const node of nodes) {
      this.#values.set(node, this.#local('v128'))
      if (node.kind === 'array' || operandsOf(node).some((other) => varying.has(other))) {
        varying.add(node)
      }
    }
    const inner = nodes.filter((node) => varying.has(node))
    const outer = nodes.filter((node) => !varying.has(node))
    const count = getLocal(0)
    const wholeStrides = code(count, instruction.i32(-stride), instructions['i32.and'])
    const stridden = code(this.#vector(inner, 0, 'whole'), this.#vector(inner, 1, 'whole'))
    const body = code(
      ...Array.from(arrays.keys(), (name) => this.#findAddress(name)),
      ...reductions.map((_, which) => this.#startReduction(which)),
      ...outer.map((node) => this.#compute(node, 0)),
      this.#loop(wholeStrides, stride, stridden),
      this.#loop(count, lanes, code(this.#findMask(), this.#vector(inner, 0, 'masked'))),
      ...reductions.map((_, which) => this.#storeReduction(which)),
    )
    return encodeModule({ parameters: this.#parameters, locals: this.#locals, body })
  }

  #local(type: ValueType): number {
    return this.#parameters.length + this.#locals.push(type) - 1
  }

  /** start + (count rounded up to strides) · bytes before it */
  #findAddress(name: string): Code {
    return code(
      code(getLocal(0), instruction.i32(stride - 1), instructions['i32.add']),
      code(instruction.i32(-stride), instructions['i32.and']),
      code(instruction.i32(bytesBefore(this.#plan.arrays, name)), instructions['i32.mul']),
      code(instruction.i32(arraysStart(this.#plan)), instructions['i32.add']),
      setLocal(this.#addresses.get(name)!),
    )
  }

  /** From where the loop before it ended. */
  #loop(end: Code, step: number, body: Code): Code {
    const index = getLocal(this.#index)
    const findOffset = (type: ElementType): Code => {
      const shift = instruction.i32(Math.log2(elementBytes[type]))
      return code(index, shift, instructions['i32.shl'], setLocal(this.#offsets[type]))
    }
    return instruction.whileLoop(
      code(index, end, instructions['i32.lt_u']),
      code(
        findOffset('float32'),
        findOffset('float64'),
        body,
        code(index, instruction.i32(step), instructions['i32.add'], setLocal(this.#index)),
      ),
    )
  }

  /** Which lanes are components: those with (index, index + 1) < count. */
  #findMask(): Code {
    const splat = code(instructions['f64.convert_i32_u'], instructions['f64x2.splat'])
    const indices = code(getLocal(this.#index), splat, instruction.f64x2(0, 1))
    return code(
      code(indices, instructions['f64x2.add']),
      code(getLocal(0), splat, instructions['f64x2.lt'], setLocal(this.#mask)),
    )
  }

  /** All that is done with one vector of each array. @param place of the vector in its stride */
  #vector(nodes: readonly Node[], place: 0 | 1, lanesUsed: 'whole' | 'masked'): Code {
    const { writes, reductions } = this.#plan
    return code(
      ...nodes.map((node) => this.#compute(node, place)),
      ...Array.from(writes, ([name, term]) => this.#store(name, term, place)),
      ...reductions.map(({ kind, term }, which) => {
        const accumulator = this.#accumulators[which]![place]
        const before = getLocal(accumulator)
        const combined = code(before, this.#get(term), reductionCode[kind].combine)
        const chosen = code(combined, before, getLocal(this.#mask), instructions['v128.bitselect'])
        return code(lanesUsed === 'whole' ? combined : chosen, setLocal(accumulator))
      }),
    )
  }

  #get(node: Node): Code {
    return getLocal(this.#values.get(node)!)
  }

  #compute(node: Node, place: 0 | 1): Code {
    return code(this.#valueOf(node, place), setLocal(this.#values.get(node)!))
  }

  #valueOf(node: Node, place: 0 | 1): Code {
    switch (node.kind) {
      case 'constant':
        return instruction.f64x2(node.value, node.value)
      case 'scalar': {
        const offset = this.#plan.scalars.indexOf(node.name) * elementBytes.float64
        return code(instruction.i32(0), instruction.loadSplat(offset))
      }
      case 'array':
        return this.#load(node.name, place)
      default: {
        const operands = node.operands.map((operand) => this.#get(operand))
        // WebAssembly wants conditions after what they choose from.
        if (operandsOf(node)[0]!.kind === 'condition') operands.push(operands.shift()!)
        return code(...operands, operators[node.operator])
      }
    }
  }

  #addressOf(name: string): Code {
    const offset = getLocal(this.#offsets[this.#plan.arrays.get(name)!])
    return code(getLocal(this.#addresses.get(name)!), offset, instructions['i32.add'])
  }

  #load(name: string, place: 0 | 1): Code {
    const type = this.#plan.arrays.get(name)!
    const offset = place * lanes * elementBytes[type]
    if (type === 'float64') return code(this.#addressOf(name), instruction.load128(offset))
    const promote = instructions['f64x2.promote_low_f32x4']
    return code(this.#addressOf(name), instruction.load64(offset), promote)
  }

  #store(name: string, term: Term, place: 0 | 1): Code {
    const type = this.#plan.arrays.get(name)!
    const offset = place * lanes * elementBytes[type]
    const value = code(this.#addressOf(name), this.#get(term))
    if (type === 'float64') return code(value, instruction.store128(offset))
    return code(value, instructions['f32x4.demote_f64x2_zero'], instruction.store64(offset))
  }

  #startReduction(which: number): Code {
    const { start } = reductionCode[this.#plan.reductions[which]!.kind]
    if (!start) return []
    return this.#accumulators[which]!.flatMap((accumulator) => code(start, setLocal(accumulator)))
  }

  #storeReduction(which: number): Code {
    return this.#accumulators[which]!.flatMap((accumulator, place) => {
      const result = resultsStart(this.#plan) + which * stride + place * lanes
      const store = instruction.store128(result * elementBytes.float64)
      return code(instruction.i32(0), getLocal(accumulator), store)
    })
  }
}
