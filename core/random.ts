/**
 * Counter-based random streams: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011). A stream is named by a path, such as (seed, attack, example, restart), so
 * what an example draws depends on neither batch size, nor worker, nor order.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from './hash.ts'

const multiplier0 = 0xd2511f53
const multiplier1 = 0xcd9e8d57
const weyl0 = 0x9e3779b9
const weyl1 = 0xbb67ae85

/** One block of Philox4x32-10: 4 counter words and 2 key words give 4 words of 32 random bits in `output`. */
export function philox4x32(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
  output: Uint32Array,
): void {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < 10; round++) {
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

/** A sequence of random numbers, fixed by the path that named it. */
export class RandomStream {
  readonly #key: readonly [number, number]
  readonly #high: readonly [number, number]
  readonly #block = new Uint32Array(4)
  #counter = 0
  #used = 4
  #spareNormal: number | undefined

  /** `words` are 4 unsigned 32-bit integers, taken from a hash of the path. */
  constructor(words: readonly [number, number, number, number]) {
    this.#key = [words[0], words[1]]
    this.#high = [words[2], words[3]]
  }

  /** 32 random bits as an unsigned integer. */
  bits(): number {
    if (this.#used === 4) {
      const low = this.#counter >>> 0
      const next = Math.floor(this.#counter / 2 ** 32) >>> 0
      philox4x32([low, next, this.#high[0], this.#high[1]], this.#key, this.#block)
      this.#counter += 1
      this.#used = 0
    }
    return this.#block[this.#used++]!
  }

  /** Uniform in [0, 1), with 32 bits. */
  uniform(): number {
    return this.bits() / 2 ** 32
  }

  /** A whole number, uniform in [0, count). Unbiased: draws again where the modulus would favor small numbers. */
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

  /** A random order of 0 … count − 1 (Fisher and Yates). */
  permutation(count: number): Uint32Array {
    const order = Uint32Array.from({ length: count }, (_, i) => i)
    for (let i = count - 1; i > 0; i--) {
      const j = this.integer(i + 1)
      const kept = order[i]!
      order[i] = order[j]!
      order[j] = kept
    }
    return order
  }
}

/** The stream of that name: same path, same numbers, on every machine. */
export function randomStream(...path: readonly (string | number)[]): RandomStream {
  const digest = createHash('sha256').update(canonicalJson(path)).digest()
  return new RandomStream([
    digest.readUInt32LE(0),
    digest.readUInt32LE(4),
    digest.readUInt32LE(8),
    digest.readUInt32LE(12),
  ])
}
