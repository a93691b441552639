/** Compiles the expressions of a vector loop to a WebAssembly function. */
import { topologicalOrder, operandsOf } from './vector-expression.ts'
import type { ConditionOperator, Node, Term, TermOperator } from './vector-expression.ts'
import {
  code,
  encodeModule,
  FunctionVariables,
  instruction,
  instructions,
} from '../../base/wasm-module.ts'
import type { Code, Variable } from '../../base/wasm-module.ts'

/** The type of an array's components in memory. All arithmetic is in float64. */
export type ElementType = 'float32' | 'float64'
/** Bytes per component. */
export const elementBytes: Readonly<Record<ElementType, number>> = { float32: 4, float64: 8 }

/** Components per iteration. Arrays are adjacent in memory, each padded to a multiple of this. */
export const stride = 4
/** Components per vector. */
const lanes = 2

/** A reduction of a term to one number. */
export type Reduction = 'sum' | 'largest'

/** A loop and the order of its scalars, arrays and reductions in memory. */
export interface LoopPlan {
  /**
   * Memory holds the scalars first, as float64, then four partial results per reduction, then the
   * arrays.
   */
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
  sqrt: instructions['f64x2.sqrt'],
  round: [...instructions['f32x4.demote_f64x2_zero'], ...instructions['f64x2.promote_low_f32x4']],
  select: instructions['v128.bitselect'],
  when: instructions['v128.and'],
  unless: instructions['v128.andnot'],
  less: instructions['f64x2.lt'],
  atMost: instructions['f64x2.le'],
  equal: instructions['f64x2.eq'],
}

/** Without a start, the initial value is zero, as of every local. */
const reductionCode: Readonly<
  Record<Reduction, { readonly start?: Code; readonly combine: Code }>
> = {
  sum: { combine: instructions['f64x2.add'] },
  largest: {
    start: instruction.f64x2(-Infinity, -Infinity),
    combine: instructions['f64x2.pmax'],
  },
}

/** The bytes of a module whose function `run(count)` runs the loop. */
export function compileLoop(plan: LoopPlan): Uint8Array {
  return new LoopCompiler(plan).module()
}

/** The index of the first partial result in memory, in float64. */
export function resultsStart({ scalars }: LoopPlan): number {
  return Math.ceil(scalars.length / lanes) * lanes
}

/** The address of the first array, in bytes. */
export function arraysStart(plan: LoopPlan): number {
  return (resultsStart(plan) + plan.reductions.length * stride) * elementBytes.float64
}

/** Bytes per component of all arrays before this one, or of all arrays. */
export function bytesBefore(arrays: ReadonlyMap<string, ElementType>, name?: string): number {
  let bytes = 0
  for (const [other, type] of arrays) {
    if (other === name) break
    bytes += elementBytes[type]
  }
  return bytes
}

/**
 * Compiles one loop. The function first computes what is the same for all components, then runs
 * over strides of four components as two vectors, then over single vectors. The last vector may
 * extend beyond the end by one lane, which reductions mask out.
 */
class LoopCompiler {
  readonly #plan: LoopPlan
  readonly #variables = new FunctionVariables()
  readonly #count: Variable
  readonly #index: Variable
  /** The index in bytes. */
  readonly #byteIndex: Readonly<Record<ElementType, Variable>>
  /** The lanes of the current vector that are components. */
  readonly #mask: Variable
  readonly #addresses: ReadonlyMap<string, Variable>
  /** Two for each reduction, one per vector of a stride, so that their sums are independent. */
  readonly #accumulators: readonly (readonly [Variable, Variable])[]
  /** The value of each node. */
  readonly #values = new Map<Node, Variable>()

  constructor(plan: LoopPlan) {
    const variables = this.#variables
    this.#plan = plan
    this.#count = variables.parameter('i32')
    this.#index = variables.local('i32')
    this.#byteIndex = { float32: variables.local('i32'), float64: variables.local('i32') }
    this.#mask = variables.local('v128')
    this.#addresses = new Map(
      Array.from(plan.arrays.keys(), (name) => [name, variables.local('i32')]),
    )
    this.#accumulators = plan.reductions.map(() => [
      variables.local('v128'),
      variables.local('v128'),
    ])
  }

  module(): Uint8Array {
    const { arrays, writes, reductions } = this.#plan
    const nodes = topologicalOrder([...writes.values(), ...reductions.map(({ term }) => term)])
    const varying = new Set<Node>()
    for (const node of nodes) {
      this.#values.set(node, this.#variables.local('v128'))
      if (node.kind === 'array' || operandsOf(node).some((other) => varying.has(other))) {
        varying.add(node)
      }
    }
    const inner = nodes.filter((node) => varying.has(node))
    const outer = nodes.filter((node) => !varying.has(node))
    const count = this.#count.get
    const wholeStrides = code(count, instruction.i32(-stride), instructions['i32.and'])
    const twoVectors = code(this.#vector(inner, 0, 'whole'), this.#vector(inner, 1, 'whole'))
    const body = code(
      ...Array.from(arrays.keys(), (name) => this.#findAddress(name)),
      ...reductions.map((_, which) => this.#startReduction(which)),
      ...outer.map((node) => this.#compute(node, 0)),
      this.#loop(wholeStrides, stride, twoVectors),
      this.#loop(count, lanes, code(this.#findMask(), this.#vector(inner, 0, 'masked'))),
      ...reductions.map((_, which) => this.#storeReduction(which)),
    )
    return encodeModule({ variables: this.#variables, body })
  }

  /** address = arraysStart + (count rounded up to a multiple of stride) · bytesBefore */
  #findAddress(name: string): Code {
    return code(
      code(this.#count.get, instruction.i32(stride - 1), instructions['i32.add']),
      code(instruction.i32(-stride), instructions['i32.and']),
      code(instruction.i32(bytesBefore(this.#plan.arrays, name)), instructions['i32.mul']),
      code(instruction.i32(arraysStart(this.#plan)), instructions['i32.add']),
      this.#addresses.get(name)!.set,
    )
  }

  /** Continues from the current index. */
  #loop(end: Code, step: number, body: Code): Code {
    const index = this.#index
    const setByteIndex = (type: ElementType): Code => {
      const shift = instruction.i32(Math.log2(elementBytes[type]))
      return code(index.get, shift, instructions['i32.shl'], this.#byteIndex[type].set)
    }
    return instruction.whileLoop(
      code(index.get, end, instructions['i32.lt_u']),
      code(
        setByteIndex('float32'),
        setByteIndex('float64'),
        body,
        code(index.get, instruction.i32(step), instructions['i32.add'], index.set),
      ),
    )
  }

  /** mask = (index, index + 1) < count */
  #findMask(): Code {
    const splat = code(instructions['f64.convert_i32_u'], instructions['f64x2.splat'])
    const indices = code(this.#index.get, splat, instruction.f64x2(0, 1))
    return code(
      code(indices, instructions['f64x2.add']),
      code(this.#count.get, splat, instructions['f64x2.lt'], this.#mask.set),
    )
  }

  /** The body for one vector of each array. @param place of the vector in its stride */
  #vector(nodes: readonly Node[], place: 0 | 1, lanesUsed: 'whole' | 'masked'): Code {
    const { writes, reductions } = this.#plan
    return code(
      ...nodes.map((node) => this.#compute(node, place)),
      ...Array.from(writes, ([name, term]) => this.#store(name, term, place)),
      ...reductions.map(({ kind, term }, which) => {
        const accumulator = this.#accumulators[which]![place]
        const before = accumulator.get
        const combined = code(before, this.#get(term), reductionCode[kind].combine)
        const chosen = code(combined, before, this.#mask.get, instructions['v128.bitselect'])
        return code(lanesUsed === 'whole' ? combined : chosen, accumulator.set)
      }),
    )
  }

  #get(node: Node): Code {
    return this.#values.get(node)!.get
  }

  #compute(node: Node, place: 0 | 1): Code {
    return code(this.#valueOf(node, place), this.#values.get(node)!.set)
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
        // WebAssembly expects the condition last.
        if (operandsOf(node)[0]!.kind === 'condition') operands.push(operands.shift()!)
        return code(...operands, operators[node.operator])
      }
    }
  }

  #addressOf(name: string): Code {
    const byteIndex = this.#byteIndex[this.#plan.arrays.get(name)!].get
    return code(this.#addresses.get(name)!.get, byteIndex, instructions['i32.add'])
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
    return this.#accumulators[which]!.flatMap((accumulator) => code(start, accumulator.set))
  }

  #storeReduction(which: number): Code {
    return this.#accumulators[which]!.flatMap((accumulator, place) => {
      const result = resultsStart(this.#plan) + which * stride + place * lanes
      const store = instruction.store128(result * elementBytes.float64)
      return code(instruction.i32(0), accumulator.get, store)
    })
  }
}
