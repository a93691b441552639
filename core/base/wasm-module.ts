/** Writes and runs WebAssembly modules: the part of the binary format that vector loops need. */

/** Instructions, or any other part of a module. */
export type Code = readonly number[]

/** Concatenates parts. */
export function code(...parts: readonly Code[]): Code {
  return parts.flat()
}

const [block, loop, branch, branchIf, end] = [0x02, 0x03, 0x0c, 0x0d, 0x0b]
/** The type of a block without results. */
const empty = 0x40

/** The binary codes of value types. */
export const valueTypes = { i32: 0x7f, i64: 0x7e, v128: 0x7b } as const
/** A WebAssembly value type. */
export type ValueType = keyof typeof valueTypes

/** Instructions without immediate operands. */
export const instructions = {
  'i32.eqz': [0x45],
  'i32.lt_u': [0x49],
  'i32.add': [0x6a],
  'i32.mul': [0x6c],
  'i32.and': [0x71],
  'i32.xor': [0x73],
  'i32.shl': [0x74],
  'i32.wrap_i64': [0xa7],
  'i64.add': [0x7c],
  'i64.mul': [0x7e],
  'i64.or': [0x84],
  'i64.shl': [0x86],
  'i64.shr_u': [0x88],
  'i64.extend_i32_u': [0xad],
  'f64.convert_i32_u': [0xb8],
  'f64x2.splat': vector(0x14),
  'f64x2.eq': vector(0x47),
  'f64x2.lt': vector(0x49),
  'f64x2.le': vector(0x4b),
  'v128.and': vector(0x4e),
  'v128.andnot': vector(0x4f),
  'v128.bitselect': vector(0x52),
  'f32x4.demote_f64x2_zero': vector(0x5e),
  'f64x2.promote_low_f32x4': vector(0x5f),
  'f64x2.abs': vector(0xec),
  'f64x2.sqrt': vector(0xef),
  'f64x2.add': vector(0xf0),
  'f64x2.sub': vector(0xf1),
  'f64x2.mul': vector(0xf2),
  'f64x2.div': vector(0xf3),
  'f64x2.pmin': vector(0xf6),
  'f64x2.pmax': vector(0xf7),
} as const satisfies Readonly<Record<string, Code>>

/** Instructions with immediate operands. Offsets are in bytes, from an address on the stack. */
export const instruction = {
  i32: (value: number): Code => [0x41, ...signed(value)],
  i64: (value: number): Code => [0x42, ...signed(value)],
  /** Stores an i32. */
  store32: (offset: number): Code => [0x36, 2, ...unsigned(offset)],
  /** A constant vector. */
  f64x2: (first: number, second: number): Code => [
    ...vector(0x0c),
    ...new Uint8Array(Float64Array.of(first, second).buffer),
  ],
  load128: (offset: number): Code => [...vector(0x00), 3, ...unsigned(offset)],
  store128: (offset: number): Code => [...vector(0x0b), 3, ...unsigned(offset)],
  /** Loads a float64 into both lanes. */
  loadSplat: (offset: number): Code => [...vector(0x0a), 3, ...unsigned(offset)],
  /** Loads the lower half of a vector and sets the upper half to zero. */
  load64: (offset: number): Code => [...vector(0x5d), 2, ...unsigned(offset)],
  store64: (offset: number): Code => [...vector(0x5b), 2, ...unsigned(offset), 0],
  /** Runs `body` while `condition` is not 0. */
  whileLoop: (condition: Code, body: Code): Code =>
    code(
      [block, empty, loop, empty],
      code(condition, instructions['i32.eqz'], [branchIf, 1]),
      code(body, [branch, 0, end, end]),
    ),
}

/** A parameter or local variable of a function. */
export interface Variable {
  /** Pushes the value. */
  readonly get: Code
  /** Pops the value. */
  readonly set: Code
}

/** Declares the variables of one function. Declare all parameters before the first local. */
export class FunctionVariables {
  readonly #parameters: ValueType[] = []
  readonly #locals: ValueType[] = []

  /** The types of the parameters, in order. */
  get parameters(): readonly ValueType[] {
    return this.#parameters
  }

  /** The types of the locals, in order. */
  get locals(): readonly ValueType[] {
    return this.#locals
  }

  parameter(type: ValueType): Variable {
    return variable(this.#parameters.push(type) - 1)
  }

  /** A local variable, initially zero. */
  local(type: ValueType): Variable {
    return variable(this.#parameters.length + this.#locals.push(type) - 1)
  }
}

function variable(index: number): Variable {
  return { get: [0x20, ...unsigned(index)], set: [0x21, ...unsigned(index)] }
}

/** A function without results that works on the memory. */
export interface FunctionDefinition {
  readonly variables: FunctionVariables
  readonly body: Code
}

/** The memory of a module. */
export interface Memory {
  /** Replaced when the memory grows. */
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

/** The part of the WebAssembly API used here, which the Node types lack. */
interface Engine {
  readonly Memory: new (limits: { readonly initial: number }) => Memory
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (
    module: object,
    imports: { readonly host: { readonly memory: Memory } },
  ) => { readonly exports: { run(...parameters: readonly number[]): void } }
}

const { WebAssembly: engine } = globalThis as unknown as { WebAssembly: Engine }
/** The size of a memory page. */
export const pageBytes = 2 ** 16

/** A memory of `pages` pages. */
export function newMemory(pages: number): Memory {
  return new engine.Memory({ initial: pages })
}

/**
 * The function of a module from `encodeModule`, working on `memory`. Its parameters are numbers;
 * those of type i32 are taken modulo 2³².
 */
export function instantiate(
  bytes: Uint8Array,
  memory: Memory,
): (...parameters: readonly number[]) => void {
  return new engine.Instance(new engine.Module(bytes), { host: { memory } }).exports.run
}

/** A module that imports the memory `host.memory` and exports one function, `run`. */
export function encodeModule({ variables, body }: FunctionDefinition): Uint8Array {
  const types = variables.parameters.map((type) => valueTypes[type])
  const declared = variables.locals.map((type) => [1, valueTypes[type]])
  const memory = code(name('host'), name('memory'), [0x02, 0x00, 1])
  return Uint8Array.from(
    code(
      [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(1, [code([0x60], sized(types), [0])]),
      section(2, [memory]),
      section(3, [[0]]),
      section(7, [code(name('run'), [0x00, 0])]),
      section(10, [sized(code(vectorOf(declared), body, [end]))]),
    ),
  )
}

function vector(opcode: number): Code {
  return [0xfd, ...unsigned(opcode)]
}

function section(id: number, entries: readonly Code[]): Code {
  return [id, ...sized(vectorOf(entries))]
}

function vectorOf(entries: readonly Code[]): Code {
  return [...unsigned(entries.length), ...entries.flat()]
}

function sized(bytes: Code): Code {
  return [...unsigned(bytes.length), ...bytes]
}

function name(text: string): Code {
  return sized([...new TextEncoder().encode(text)])
}

/** LEB128 of a nonnegative integer. */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value % 0x80) + 0x80, ...unsigned(Math.floor(value / 0x80))]
}

/** LEB128 of a safe integer. */
function signed(value: number): Code {
  return value >= -0x40 && value < 0x40
    ? [value & 0x7f]
    : [(value & 0x7f) + 0x80, ...signed(Math.floor(value / 0x80))]
}
