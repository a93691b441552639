/** The random numbers of stochastic models. */
import { createHash } from 'node:crypto'
import type { Noise } from '../engine/graph/random-operators.ts'
import { randomStream, type RandomStream } from '../base/random.ts'
import { float32, sizeOf, type FloatTensor, type Tensor } from '../engine/tensor/tensor.ts'
import type { Model } from './model.ts'

/** How often a point is predicted by a stochastic model unless a suite says otherwise. */
export const defaultDraws = 10

/** The number of inputs whose passes are counted: much more than a batch, about 100 MB at most. */
const countedInputs = 2 ** 20

/** A row of a pass: a key of its input, and the number of earlier passes over that input. */
export interface DrawnRow {
  readonly key: number
  readonly pass: number
}

/** An input of a pass: one row per example, or the same for all. */
export interface FedTensor {
  readonly tensor: Tensor
  readonly perExample: boolean
}

/**
 * Draws noise. The stream of an example is named by the model, the bytes of its input, and the
 * number of earlier passes over that input. So a row gets the same numbers in any batch, at any
 * place, on any worker, but new ones in another pass. Only rows with equal bytes in one run depend
 * on their order. (A counter of passes without the bytes would make outcomes depend on the batch
 * size.) Noise that a file draws once per batch does depend on the batch.
 */
export class NoiseSource {
  readonly #path: readonly [string, string]
  readonly #passes = new Map<number, number>()

  /** @param name distinguishes independent sources of one model */
  constructor(modelHash: string, name: string) {
    this.#path = [modelHash, name]
  }

  /** Counts a pass over `count` rows. */
  rows(count: number, fed: readonly FedTensor[]): DrawnRow[] {
    return Array.from({ length: count }, (_, row) => {
      const key = keyOf(row, count, fed)
      const pass = this.#passes.get(key) ?? 0
      // Delete before setting: the map forgets the input that was used least recently.
      this.#passes.delete(key)
      this.#passes.set(key, pass + 1)
      if (this.#passes.size > countedInputs) this.#passes.delete(this.#passes.keys().next().value!)
      return { key, pass }
    })
  }

  /**
   * The values of one placeholder for those rows.
   * @param call distinguishes several uses of the model in one pass
   */
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

/**
 * The model with its random numbers restarted under that name, so that runs do not depend on each
 * other. Returns the model itself if it draws none.
 */
export function withDraws(model: Model, name: string): Model {
  return model.stochastic ? model.variant({ draws: name }) : model
}

/**
 * How often a point is predicted to score it: once by a deterministic model.
 * @param draws for a stochastic model, 1 or more
 */
export function drawsOf(
  { stochastic }: Pick<Model, 'stochastic'>,
  draws: number = defaultDraws,
): number {
  return stochastic ? draws : 1
}

/** Whether most of the draws are correct; a tie counts as wrong. */
export function isMostlyCorrect(correct: number, draws: number): boolean {
  return 2 * correct > draws
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
    // Rounding to float32 could reach `high`, which is excluded.
    for (let i = 0; i < data.length; i++) {
      data[i] = low + (high - low) * (Math.floor(draws[i]! * 2 ** 24) / 2 ** 24)
    }
  }
}

/** 48 bits of a hash of the inputs of a row. */
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
