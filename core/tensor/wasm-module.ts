/** The binary form of WebAssembly, as much of it as loops over 128-bit vectors take. */

/** Instructions, or any other part of a module. */
export type Code = readonly number[]

/** One part after the other. */
export function code(...parts: readonly Code[]): Code {
  return parts.flat()
}

const [block, loop, branch, branchIf, end] = [0x02, 0x03, 0x0c, 0x0d, 0x0b]
/** The type of a block that leaves nothing on the stack. */
const empty = 0x40

/** Types of values, as the binary form names them. */
export const valueTypes = { i32: 0x7f, v128: 0x7b } as const
export type ValueType = keyof typeof valueTypes

/** Instructions without operands of their own, which take all they need from the stack. */
export const instructions = {
  'i32.eqz': [0x45],
  'i32.lt_u': [0x49],
  'i32.add': [0x6a],
  'i32.mul': [0x6c],
  'i32.and': [0x71],
  'i32.shl': [0x74],
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
  'f64x2.add': vector(0xf0),
  'f64x2.sub': vector(0xf1),
  'f64x2.mul': vector(0xf2),
  'f64x2.div': vector(0xf3),
  'f64x2.pmin': vector(0xf6),
  'f64x2.pmax': vector(0xf7),
} as const satisfies Readonly<Record<string, Code>>

/** Instructions with operands of their own. Offsets are in bytes and added to an address on the stack. */
export const instruction = {
  getLocal: (index: number): Code => [0x20, ...unsigned(index)],
  setLocal: (index: number): Code => [0x21, ...unsigned(index)],
  i32: (value: number): Code => [0x41, ...signed(value)],
  /** Both lanes of a vector. */
  f64x2: (first: number, second: number): Code => [
    ...vector(0x0c),
    ...new Uint8Array(Float64Array.of(first, second).buffer),
  ],
  load128: (offset: number): Code => [...vector(0x00), 3, ...unsigned(offset)],
  store128: (offset: number): Code => [...vector(0x0b), 3, ...unsigned(offset)],
  /** A float64 in both lanes. */
  loadSplat: (offset: number): Code => [...vector(0x0a), 3, ...unsigned(offset)],
  /** The lower half of a vector; the upper one is zero. */
  load64: (offset: number): Code => [...vector(0x5d), 2, ...unsigned(offset)],
  store64: (offset: number): Code => [...vector(0x5b), 2, ...unsigned(offset), 0],
  /** Runs `body` for as long as `condition` leaves something else than 0. */
  whileLoop: (condition: Code, body: Code): Code =>
    code(
      [block, empty, loop, empty],
      code(condition, instructions['i32.eqz'], [branchIf, 1]),
      code(body, [branch, 0, end, end]),
    ),
}

/** A function of its parameters, which returns nothing and works on the memory alone. */
export interface FunctionDefinition {
  readonly parameters: readonly ValueType[]
  /** Numbered from the parameters on, and zero at first. */
  readonly locals: readonly ValueType[]
  readonly body: Code
}

/** A module that imports a memory, as `memory` of the module `host`, and exports one function, as `run`. */
export function encodeModule({ parameters, locals, body }: FunctionDefinition): Uint8Array {
  const types = parameters.map((type) => valueTypes[type])
  const declared = locals.map((type) => [1, valueTypes[type]])
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

/** LEB128 of a whole number from 0 on. */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value % 0x80) + 0x80, ...unsigned(Math.floor(value / 0x80))]
}

/** LEB128 of an int32. */
function signed(value: number): Code {
  return value >= -0x40 && value < 0x40
    ? [value & 0x7f]
    : [(value & 0x7f) + 0x80, ...signed(value >> 7)]
}
