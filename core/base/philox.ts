/**
 * Philox4x32-10, a counter-based random number generator: each block of 128 bits is a function of
 * its number and a key.
 * @see Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", SC 2011
 */
import {
  code,
  encodeModule,
  FunctionVariables,
  instantiate,
  instruction,
  instructions,
  newMemory,
} from './wasm-module.ts'
import type { Code, Variable } from './wasm-module.ts'

/** Words of 32 bits. */
export const wordsPerBlock = 4
const rounds = 10

const multiplier0 = 0xd2511f53
const multiplier1 = 0xcd9e8d57
const weyl0 = 0x9e3779b9
const weyl1 = 0xbb67ae85

/** Writes one block: 4 words of 32 random bits for 4 counter words and 2 key words. */
export function philox4x32(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
  output: Uint32Array,
): void {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < rounds; round++) {
    const high0 = multiplyHigh(multiplier0, c0)
    const low0 = Math.imul(multiplier0, c0)
    const high1 = multiplyHigh(multiplier1, c2)
    const low1 = Math.imul(multiplier1, c2)
    c0 = (high1 ^ c1 ^ k0) >>> 0
    c1 = low1 >>> 0
    c2 = (high0 ^ c3 ^ k1) >>> 0
    c3 = low0 >>> 0
    k0 = (k0 + weyl0) >>> 0
    k1 = (k1 + weyl1) >>> 0
  }
  output[0] = c0
  output[1] = c1
  output[2] = c2
  output[3] = c3
}

/** The upper 32 bits of the 64-bit product of two unsigned 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const carry = (middle & 0xffff) + aLow * bHigh
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(carry / 65536)) >>> 0
}

const memory = newMemory(1)
let runBlocks: ReturnType<typeof instantiate> | undefined

/**
 * The words of consecutive blocks. About nine times as fast as `philox4x32`, because WebAssembly
 * has 64-bit products.
 * @param counter of the first block; the two lower words are incremented as one number
 * @param blocks at most 4096
 * @returns `[4 · blocks]`, a view that the next call overwrites
 */
export function philoxBlocks(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
  blocks: number,
): Uint32Array {
  runBlocks ??= instantiate(blocksModule(), memory)
  runBlocks(...counter, ...key, 4 * wordsPerBlock * blocks)
  return new Uint32Array(memory.buffer, 0, wordsPerBlock * blocks)
}

/**
 * `run(counter0, counter1, counter2, counter3, key0, key1, bytes)` writes blocks from address 0 on.
 * The variables c0 … c3, k0 and k1 are those of `philox4x32`.
 */
function blocksModule(): Uint8Array {
  const { i32, i64, store32, whileLoop } = instruction
  const variables = new FunctionVariables()
  const parameter = (): Variable => variables.parameter('i32')
  const local = (): Variable => variables.local('i32')
  const [counter0, counter1, counter2] = [parameter(), parameter(), parameter()]
  const [counter3, key0, key1, bytes] = [parameter(), parameter(), parameter(), parameter()]
  const [c0, c1, c2, c3, k0, k1] = [local(), local(), local(), local(), local(), local()]
  const address = local()
  const blockNumber = variables.local('i64')
  const product0 = variables.local('i64')
  const product1 = variables.local('i64')
  const multiply = (word: Variable, factor: number, product: Variable): Code =>
    code(
      code(word.get, instructions['i64.extend_i32_u'], i64(factor)),
      code(instructions['i64.mul'], product.set),
    )
  const low = ({ get }: Variable): Code => code(get, instructions['i32.wrap_i64'])
  const high = ({ get }: Variable): Code =>
    code(get, i64(32), instructions['i64.shr_u'], instructions['i32.wrap_i64'])
  /** The upper half of a product, xor a word, xor a key. */
  const mix = (product: Variable, word: Variable, key: Variable): Code =>
    code(
      code(high(product), word.get, instructions['i32.xor']),
      code(key.get, instructions['i32.xor']),
    )
  const increase = (counter: Variable, step: number): Code =>
    code(counter.get, i32(step), instructions['i32.add'], counter.set)
  const round = code(
    multiply(c0, multiplier0, product0),
    multiply(c2, multiplier1, product1),
    code(mix(product1, c1, k0), c0.set),
    code(mix(product0, c3, k1), c2.set),
    code(low(product1), c1.set),
    code(low(product0), c3.set),
    increase(k0, weyl0 | 0),
    increase(k1, weyl1 | 0),
  )
  const store = [c0, c1, c2, c3].map((word, place) =>
    code(address.get, word.get, store32(4 * place)),
  )
  const body = code(
    // counter1 · 2³² + counter0
    code(counter1.get, instructions['i64.extend_i32_u'], i64(32), instructions['i64.shl']),
    code(counter0.get, instructions['i64.extend_i32_u'], instructions['i64.or']),
    blockNumber.set,
    whileLoop(
      code(address.get, bytes.get, instructions['i32.lt_u']),
      code(
        code(low(blockNumber), c0.set, high(blockNumber), c1.set),
        code(counter2.get, c2.set, counter3.get, c3.set),
        code(key0.get, k0.set, key1.get, k1.set),
        ...Array.from({ length: rounds }, () => round),
        ...store,
        code(blockNumber.get, i64(1), instructions['i64.add'], blockNumber.set),
        increase(address, 4 * wordsPerBlock),
      ),
    ),
  )
  return encodeModule({ variables, body })
}
