/** The random numbers of stochastic models. */
import { createHash } from 'node:crypto'
import type { Noise } from '../engine/graph/random-operators.ts'
import { randomStream, type RandomStream } from '../base/random.ts'
import { float32, sizeOf, type FloatTensor, type Tensor } from '../engine/tensor/tensor.ts'
import type { Model } from './model.ts'

/** How many inputs are remembered to tell their passes apart: far more than a batch, some 100 MB at most. */
const memory = 2 ** 20

/** A row of a pass: what was fed for it, and how often that was fed before. */
export interface DrawnRow {
  readonly key: number
  readonly pass: number
}

/** What is fed to a pass: one row an example, or the same for all. */
export interface FedTensor {
  readonly tensor: Tensor
  readonly perExample: boolean
}

/**
 * Draws the noise of an example from a stream named by the model, the bytes of the example's input, and how often that very input
 * was fed before: so a row of a batch gets the same numbers in any batch, at any place, on any worker, yet another pass over the same
 * input gets others. Only rows of one run with equal bytes depend on each other's order. A counter of passes in place of the input's
 * bytes would make outcomes depend on the batch size. Noise that a file draws once for a whole batch does depend on the batch.
 */
export class NoiseSource {
  readonly #path: readonly [string, string]
  readonly #passes = new Map<number, number>()

  /** @param name tells sources of one model apart: their numbers are independent */
  constructor(modelHash: string, name: string) {
    this.#path = [modelHash, name]
  }

  /** Counts a pass over `count` rows. */
  rows(count: number, fed: readonly FedTensor[]): DrawnRow[] {
    return Array.from({ length: count }, (_, row) => {
      const key = keyOf(row, count, fed)
      const pass = this.#passes.get(key) ?? 0
      // Set anew, so that what was not fed for longest is forgotten first.
      this.#passes.delete(key)
      this.#passes.set(key, pass + 1)
      if (this.#passes.size > memory) this.#passes.delete(this.#passes.keys().next().value!)
      return { key, pass }
    })
  }

  /** The values of one placeholder for those rows. @param call tells several uses of the model in one pass apart */
  draw(noise: Noise, rows: readonly DrawnRow[], call = 0): FloatTensor {
    const stream = (...names: readonly number[]): RandomStream =>
      randomStream('noise', ...this.#path, noise.tensor, call, ...names)
    const sizes = noise.value.shape.slice(noise.perExample ? 1 : 0).map(Number)
    const size = sizeOf(sizes)
    if (!noise.perExample) {
      const data = new Float32Array(size)
      fill(data, noise, stream(...rows.flatMap(({ key, pass }) => [key, pass])))
      return float32(sizes, data)
    }
    const data = new Float32Array(rows.length * size)
    rows.forEach(({ key, pass }, row) => {
      fill(data.subarray(row * size, (row + 1) * size), noise, stream(key, pass))
    })
    return float32([rows.length, ...sizes], data)
  }
}

/** The model with random numbers of that name, begun anew; the model itself if it draws none. Keeps what one run draws from depending on others. */
export function withDraws(model: Model, name: string): Model {
  return model.stochastic ? model.variant({ draws: name }) : model
}

function fill(data: Float32Array, { distribution }: Noise, stream: RandomStream): void {
  const draws = new Float64Array(data.length)
  if (distribution.kind === 'normal') {
    const { mean, scale } = distribution
    stream.fillNormal(draws)
    for (let i = 0; i < data.length; i++) data[i] = mean + scale * draws[i]!
  } else {
    const { low, high } = distribution
    stream.fillUniform(draws)
    // Rounding to float32 may reach `high`, which is outside.
    for (let i = 0; i < data.length; i++) {
      data[i] = low + (high - low) * (Math.floor(draws[i]! * 2 ** 24) / 2 ** 24)
    }
  }
}

/** 48 bits of a hash of what is fed for a row. */
function keyOf(row: number, count: number, fed: readonly FedTensor[]): number {
  const hash = createHash('sha256')
  let own = false
  for (const { tensor, perExample } of fed) {
    const { buffer, byteOffset, byteLength } = tensor.data
    const length = perExample ? byteLength / count : byteLength
    hash.update(new Uint8Array(buffer, byteOffset + (perExample ? row * length : 0), length))
    own ||= perExample
  }
  if (!own) hash.update(String(row))
  return hash.digest().readUIntLE(0, 6)
}
