/**
 * Counter-based random streams (`philox.ts`). A stream is named by a path, such as (seed, attack,
 * example, restart), so the numbers of an example depend on neither batch size, worker nor order.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from './hash.ts'
import { philox4x32, philoxBlocks, wordsPerBlock } from './philox.ts'

/** Blocks per call of `philoxBlocks`. */
const blocksPerCall = 1024
/** A buffer for bits that are converted to other numbers; its length is even. */
const words = new Uint32Array(4096)

/** A sequence of random numbers that its name determines. */
export class RandomStream {
  readonly #key: readonly [number, number]
  readonly #high: readonly [number, number]
  readonly #block = new Uint32Array(wordsPerBlock)
  #counter = 0
  #used = wordsPerBlock
  #spareNormal: number | undefined

  /** @param words 4 unsigned 32-bit integers from a hash of the path */
  constructor(words: readonly [number, number, number, number]) {
    this.#key = [words[0], words[1]]
    this.#high = [words[2], words[3]]
  }

  /** 32 random bits as an unsigned integer. */
  bits(): number {
    if (this.#used === wordsPerBlock) {
      philox4x32(this.#counterWords(1), this.#key, this.#block)
      this.#used = 0
    }
    return this.#block[this.#used++]!
  }

  /** Equal to as many calls of `bits`. */
  fillBits(values: Uint32Array): void {
    let at = 0
    while (at < values.length && this.#used < wordsPerBlock) values[at++] = this.bits()
    while (values.length - at >= wordsPerBlock) {
      const blocks = Math.min((values.length - at) >> 2, blocksPerCall)
      values.set(philoxBlocks(this.#counterWords(blocks), this.#key, blocks), at)
      at += blocks * wordsPerBlock
    }
    while (at < values.length) values[at++] = this.bits()
  }

  /** The counter words of the next block. Advances the counter. */
  #counterWords(blocks: number): readonly [number, number, number, number] {
    const low = this.#counter >>> 0
    const next = Math.floor(this.#counter / 2 ** 32) >>> 0
    this.#counter += blocks
    return [low, next, this.#high[0], this.#high[1]]
  }

  /** Uniform in [0, 1), with 32 bits. */
  uniform(): number {
    return this.bits() / 2 ** 32
  }

  /** An integer, uniform in [0, count). Rejection sampling avoids the bias of the modulus. */
  integer(count: number): number {
    const limit = 2 ** 32 - (2 ** 32 % count)
    let bits = this.bits()
    while (bits >= limit) bits = this.bits()
    return bits % count
  }

  /** Standard normal (Box and Muller 1958). */
  normal(): number {
    if (this.#spareNormal !== undefined) {
      const spare = this.#spareNormal
      this.#spareNormal = undefined
      return spare
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()))
    const angle = 2 * Math.PI * this.uniform()
    this.#spareNormal = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }

  /** Equal to as many calls of `uniform`. */
  fillUniform(values: Float32Array | Float64Array): void {
    for (let at = 0; at < values.length; at += words.length) {
      const part = words.subarray(0, values.length - at)
      this.fillBits(part)
      for (let i = 0; i < part.length; i++) values[at + i] = part[i]! / 2 ** 32
    }
  }

  /** Equal to as many calls of `normal`, in less than half the time. */
  fillNormal(values: Float32Array | Float64Array): void {
    let at = 0
    if (values.length > 0 && this.#spareNormal !== undefined) values[at++] = this.normal()
    while (values.length - at >= 2) {
      const part = words.subarray(0, 2 * ((values.length - at) >> 1))
      this.fillBits(part)
      for (let i = 0; i < part.length; i += 2) {
        const radius = Math.sqrt(-2 * Math.log(1 - part[i]! / 2 ** 32))
        const angle = 2 * Math.PI * (part[i + 1]! / 2 ** 32)
        values[at++] = radius * Math.cos(angle)
        values[at++] = radius * Math.sin(angle)
      }
    }
    if (at < values.length) values[at] = this.normal()
  }

  /** A random order of 0 … count − 1 (Fisher and Yates). */
  permutation(count: number): Uint32Array {
    const order = Uint32Array.from({ length: count }, (_, i) => i)
    for (let i = count - 1; i > 0; i--) {
      const j = this.integer(i + 1)
      const swapped = order[i]!
      order[i] = order[j]!
      order[j] = swapped
    }
    return order
  }
}

/** The stream of that name. The same path gives the same numbers on every machine. */
export function randomStream(...path: readonly (string | number)[]): RandomStream {
  const digest = createHash('sha256').update(canonicalJson(path)).digest()
  return new RandomStream([
    digest.readUInt32LE(0),
    digest.readUInt32LE(4),
    digest.readUInt32LE(8),
    digest.readUInt32LE(12),
  ])
}
