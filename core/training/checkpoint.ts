/** Checkpoints of training: named tensors and a few facts in one file, written atomically. */
import { existsSync, readFileSync } from 'node:fs'
import { writeFileAtomic } from '../base/atomic-file.ts'
import { hashBytes } from '../base/hash.ts'
import { float32, sizeOf, type FloatTensor } from '../engine/tensor/tensor.ts'

/** The saved state of a training after an epoch. */
export interface Checkpoint {
  /** Identifies the training; others ignore the checkpoint. */
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

/** Writes a checkpoint and replaces an older one. @throws RunError ROBENCH_STORE. */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
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
  const bytes = Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), ...bodies])
  await writeFileAtomic(path, bytes)
}

/** Reads a checkpoint of that training; undefined if there is none, or if it is damaged. */
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
