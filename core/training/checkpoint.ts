/** Checkpoints of training: named tensors and a few facts in one file, written so that it is whole or not there. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { RunError } from '../base/errors.ts'
import { hashBytes } from '../base/hash.ts'
import { float32, sizeOf, type FloatTensor } from '../engine/tensor/tensor.ts'

export interface Checkpoint {
  /** Identifies the training that it belongs to; another one does not take it up. */
  readonly training: string
  readonly epoch: number
  readonly facts: Readonly<Record<string, unknown>>
  readonly tensors: ReadonlyMap<string, FloatTensor>
}

interface Header {
  readonly training: string
  readonly epoch: number
  readonly facts: Readonly<Record<string, unknown>>
  readonly tensors: readonly { readonly name: string; readonly shape: readonly number[] }[]
  readonly sha256: string
}

/** Writes a checkpoint in the place of an older one. @throws RunError ROBENCH_STORE. */
export function writeCheckpoint(path: string, checkpoint: Checkpoint): void {
  const tensors = [...checkpoint.tensors]
  const bodies = tensors.map(
    ([, { data }]) => new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
  )
  const header: Header = {
    training: checkpoint.training,
    epoch: checkpoint.epoch,
    facts: checkpoint.facts,
    tensors: tensors.map(([name, { shape }]) => ({ name, shape })),
    sha256: hashBytes(...bodies),
  }
  try {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(
      `${path}.part`,
      Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), ...bodies]),
      { flush: true },
    )
    renameSync(`${path}.part`, path)
  } catch (cause) {
    throw new RunError(
      'ROBENCH_STORE',
      `${path}: cannot write the checkpoint (${String(cause)}); free space or choose another folder, and start again: training goes on from the last one`,
      { cause },
    )
  }
}

/** Reads a checkpoint of that training; undefined if there is none, or none that is whole. */
export function readCheckpoint(path: string, training: string): Checkpoint | undefined {
  if (!existsSync(path)) return undefined
  const bytes = readFileSync(path)
  const end = bytes.indexOf(10)
  if (end < 0) return undefined
  const header = parseHeader(bytes.subarray(0, end).toString())
  if (!header || header.training !== training) return undefined
  // Its own buffer, so that the floats are aligned.
  const body = Uint8Array.from(bytes.subarray(end + 1))
  if (hashBytes(body) !== header.sha256) return undefined
  const tensors = new Map<string, FloatTensor>()
  let offset = 0
  for (const { name, shape } of header.tensors) {
    tensors.set(
      name,
      float32(shape, new Float32Array(body.buffer.slice(offset, offset + 4 * sizeOf(shape)))),
    )
    offset += 4 * sizeOf(shape)
  }
  return { training, epoch: header.epoch, facts: header.facts, tensors }
}

function parseHeader(text: string): Header | undefined {
  try {
    return JSON.parse(text) as Header
  } catch {
    return undefined
  }
}
