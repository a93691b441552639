/** Runs an unchanged ONNX file: the reference for imported graphs, and the fallback without one. */
import { RobenchError } from '../base/errors.ts'
import { sumBy } from '../base/sum.ts'
import { halfToNumber } from '../engine/tensor/half.ts'
import { Session, type SessionOptions } from '../engine/graph/session.ts'
import type { Value } from '../engine/graph/value.ts'
import { sizeOf, sliceRows, type FloatTensor, type Tensor } from '../engine/tensor/tensor.ts'
import { isUnbatched, type FileDescription } from './file-description.ts'

/** An additional input of a file. */
export interface FileFeed {
  readonly name: string
  readonly tensor: FloatTensor
  /** One row per image; otherwise the same for all. */
  readonly perExample: boolean
}

/** The session of a file and of its preprocessing. */
export class FileRunner {
  readonly file: FileDescription
  readonly #session: Session
  readonly #prepared: Value
  readonly #options: SessionOptions
  readonly #name: string
  #preprocessing: Session | undefined
  #isSingle = false
  #released = false

  /** @param prepared the images as the file expects them, in terms of the placeholder `inputs` */
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

  /**
   * Logits `[n, k]` of images `[n, c, h, w]`. If the file's batch size is fixed, runs one batch
   * after another and pads the last one.
   * @throws RobenchError ROBENCH_MODEL_OUTPUT if the output is not logits
   */
  async logits(images: FloatTensor, others: readonly FileFeed[] = []): Promise<FloatTensor> {
    this.#preprocessing ??= await this.#compilePreprocessing()
    const count = images.shape[0]!
    const batch = this.file.fixedBatch ?? count
    const parts: Float32Array[] = []
    for (let start = 0; start < count; start += batch) {
      const rows = Math.min(batch, count - start)
      const part = padBatch(sliceRows(images, start, start + rows), batch)
      const prepared = await this.#preprocessing.run({ inputs: part }, this.#name)
      const feeds: Record<string, Tensor> = {
        [this.file.input]: this.#shaped(prepared['prepared']!),
      }
      for (const { name, tensor, perExample } of others) {
        feeds[name] = perExample ? padBatch(sliceRows(tensor, start, start + rows), batch) : tensor
      }
      const output = (await this.#session.run(feeds, this.#name))[this.file.output]!
      const logits = this.#readLogits(output, batch)
      parts.push(logits.subarray(0, (logits.length / batch) * rows))
    }
    const data = new Float32Array(sumBy(parts, (part) => part.length))
    let offset = 0
    for (const part of parts) {
      data.set(part, offset)
      offset += part.length
    }
    return { dtype: 'float32', shape: [count, data.length / count], data }
  }

  /** How the output was read, if that is not obvious. Known after the first logits. */
  get remark(): string | undefined {
    if (!this.#isSingle) return undefined
    return (
      'the file has a single logit; a logit of 0 is put beside it, so class 1 is predicted where ' +
      'it is positive, and class 0 elsewhere'
    )
  }

  /** Frees the native sessions, once. */
  async release(): Promise<void> {
    if (this.#released) return
    this.#released = true
    await this.#session.release()
    await this.#preprocessing?.release()
  }

  /**
   * The data of an output `[batch, classes]`; trailing axes of size 1 are ignored. A single logit z
   * becomes the logits (0, z).
   */
  #readLogits(output: Tensor, batch: number): Float32Array {
    const data = asFloat32(output)
    const [rows, columns = 1, ...rest] = output.shape
    const isMatrix = rows === batch && rest.every((size) => size === 1)
    // A file of batch 1 may drop that axis.
    const isRow = batch === 1 && output.shape.length === 1
    if (!data || (!isMatrix && !isRow)) {
      throw new RobenchError(
        'ROBENCH_MODEL_OUTPUT',
        `${this.#name}: output "${this.file.output}" is ` +
          `${output.dtype} [${output.shape.join(', ')}], ` +
          `expected float32 logits [${batch}, classes]; ` +
          'if the logits are another tensor of the file, name it (--output NAME, or the option "output")',
      )
    }
    if (isMatrix && columns > 1) return data
    if (data.length > batch) return data
    this.#isSingle = true
    return besideZero(data)
  }

  /** Without the axis of the batch if the file has none. */
  #shaped(prepared: Tensor): Tensor {
    return isUnbatched(this.file) ? { ...prepared, shape: prepared.shape.slice(1) } : prepared
  }

  async #compilePreprocessing(): Promise<Session> {
    let value = this.#prepared
    while (value.node.inputs.length > 0) value = value.node.inputs[0]!
    return Session.compile({ prepared: this.#prepared }, [value], this.#options, this.#name)
  }
}

/** The elements of a floating-point tensor; undefined for others. */
function asFloat32({ dtype, data }: Tensor): Float32Array | undefined {
  if (data instanceof Float32Array) return data
  if (data instanceof Float64Array) return Float32Array.from(data)
  return dtype === 'float16' ? Float32Array.from(data as Uint16Array, halfToNumber) : undefined
}

/** The logits (0, z) of single logits z. */
function besideZero(single: Float32Array): Float32Array {
  const both = new Float32Array(2 * single.length)
  single.forEach((logit, i) => (both[2 * i + 1] = logit))
  return both
}

/** Repeats the last row until the batch is full. */
function padBatch(images: FloatTensor, batch: number): FloatTensor {
  const count = images.shape[0]!
  if (count === batch) return images
  const row = sizeOf(images.shape.slice(1))
  const data = new Float32Array(batch * row)
  data.set(images.data)
  for (let i = count; i < batch; i++)
    data.set(images.data.subarray((count - 1) * row, count * row), i * row)
  return { dtype: 'float32', shape: [batch, ...images.shape.slice(1)], data }
}
