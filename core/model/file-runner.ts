/** Runs an ONNX file as it is: what everything read from it is compared with, and what remains where it cannot be read. */
import { RobenchError } from '../base/errors.ts'
import { Session, type SessionOptions } from '../engine/graph/session.ts'
import type { Value } from '../engine/graph/value.ts'
import { sizeOf, sliceRows, type FloatTensor, type Tensor } from '../engine/tensor/tensor.ts'
import type { FileDescription } from './load.ts'

/** A further input of a file. */
export interface FileFeed {
  readonly name: string
  readonly tensor: FloatTensor
  /** One row an image; else the same for all. */
  readonly perExample: boolean
}

export class FileRunner {
  readonly file: FileDescription
  readonly #session: Session
  readonly #prepared: Value
  readonly #options: SessionOptions
  readonly #name: string
  #preprocessing: Session | undefined

  /** @param prepared the images as the file wants them, an expression of the placeholder `inputs`. */
  constructor(
    session: Session,
    file: FileDescription,
    prepared: Value,
    options: SessionOptions,
    name: string,
  ) {
    this.#session = session
    this.file = file
    this.#prepared = prepared
    this.#options = options
    this.#name = name
  }

  /** Logits `[n, k]` of images `[n, c, h, w]`, in portions of the file's own batch where that is fixed. */
  async logits(images: FloatTensor, others: readonly FileFeed[] = []): Promise<FloatTensor> {
    this.#preprocessing ??= await this.#preparation()
    const count = images.shape[0]!
    const batch = this.file.fixedBatch ?? count
    const parts: Float32Array[] = []
    for (let start = 0; start < count; start += batch) {
      const rows = Math.min(batch, count - start)
      const part = fill(sliceRows(images, start, start + rows), batch)
      const prepared = await this.#preprocessing.run({ inputs: part }, this.#name)
      const feeds: Record<string, Tensor> = { [this.file.input]: prepared['prepared']! }
      for (const { name, tensor, perExample } of others) {
        feeds[name] = perExample ? fill(sliceRows(tensor, start, start + rows), batch) : tensor
      }
      const answer = (await this.#session.run(feeds, this.#name))[this.file.output]!
      parts.push(this.#checked(answer, batch).subarray(0, (answer.data.length / batch) * rows))
    }
    const data = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
    let offset = 0
    for (const part of parts) {
      data.set(part, offset)
      offset += part.length
    }
    return { dtype: 'float32', shape: [count, data.length / count], data }
  }

  async release(): Promise<void> {
    await this.#session.release()
    await this.#preprocessing?.release()
  }

  /** The answer's data, if it is one float32 number per image and class; axes of size 1 after these are of no account. */
  #checked(answer: Tensor, batch: number): Float32Array {
    const [rows, , ...rest] = answer.shape
    const isMatrix = rows === batch && rest.every((size) => size === 1)
    // A file of batch 1 may drop that axis.
    const isRow = batch === 1 && answer.shape.length === 1
    if (!(answer.data instanceof Float32Array) || (!isMatrix && !isRow)) {
      throw new RobenchError(
        'ROBENCH_MODEL_OUTPUT',
        `${this.#name}: output "${this.file.output}" is ${answer.dtype} [${answer.shape.join(', ')}], expected float32 logits [${batch}, classes]; if the logits are another output of the file, name it in the manifest`,
      )
    }
    return answer.data
  }

  async #preparation(): Promise<Session> {
    let value = this.#prepared
    while (value.node.inputs.length > 0) value = value.node.inputs[0]!
    return Session.compile({ prepared: this.#prepared }, [value], this.#options, this.#name)
  }
}

/** Repeats the last row until the batch is full. */
function fill(images: FloatTensor, batch: number): FloatTensor {
  const count = images.shape[0]!
  if (count === batch) return images
  const row = sizeOf(images.shape.slice(1))
  const data = new Float32Array(batch * row)
  data.set(images.data)
  for (let i = count; i < batch; i++)
    data.set(images.data.subarray((count - 1) * row, count * row), i * row)
  return { dtype: 'float32', shape: [batch, ...images.shape.slice(1)], data }
}
