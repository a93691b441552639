/** The evidence of a transform as named arrays, one row per example: for files, and by example. */
import { sizeOf, tensor } from '../../engine/tensor/tensor.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import type { TransformEvidence, TransformKind } from './table.ts'

/** An array with one row per example. */
export interface EvidenceArray {
  /** `[n, …]` */
  readonly shape: readonly number[]
  readonly data: Float32Array | Int32Array
}

/** Arrays by path in the evidence: `mix`, `values/rotation`. */
export type EvidenceArrays = ReadonlyMap<string, EvidenceArray>

/** The arrays of checked evidence. */
export function evidenceArrays(evidence: TransformEvidence): EvidenceArrays {
  const found = new Map<string, EvidenceArray>()
  const visit = (value: unknown, path: string): void => {
    if (value instanceof Float32Array || value instanceof Int32Array) {
      found.set(path, { shape: [value.length], data: value })
    } else if (isTensor(value)) {
      found.set(path, { shape: value.shape, data: value.data })
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, part] of Object.entries(value)) visit(part, path ? `${path}/${key}` : key)
    }
  }
  visit(evidence, '')
  return found
}

/** The evidence that these arrays are of. The host checks it like that of an attack. */
export function evidenceFromArrays(kind: TransformKind, arrays: EvidenceArrays): TransformEvidence {
  const evidence: Record<string, unknown> = { kind }
  for (const [path, { shape, data }] of arrays) {
    const keys = path.split('/')
    const last = keys.pop()!
    let place = evidence
    for (const key of keys) {
      place[key] ??= {}
      // Created in this loop.
      place = place[key] as Record<string, unknown>
    }
    const isVector = shape.length === 1 || data instanceof Int32Array
    place[last] = isVector ? data : tensor('float32', shape, data)
  }
  // `checkEvidence` of the kind rejects a wrong form.
  return evidence as unknown as TransformEvidence
}

/**
 * The rows of the evidence, in that order.
 * @param rows positions in the evidence
 */
export function evidenceRows(
  evidence: TransformEvidence,
  rows: readonly number[],
): TransformEvidence {
  const chosen = new Map<string, EvidenceArray>()
  for (const [path, { shape, data }] of evidenceArrays(evidence)) {
    const size = sizeOf(shape.slice(1))
    const Typed = data instanceof Int32Array ? Int32Array : Float32Array
    const part = new Typed(rows.length * size)
    rows.forEach((row, at) => part.set(data.subarray(row * size, (row + 1) * size), at * size))
    chosen.set(path, { shape: [rows.length, ...shape.slice(1)], data: part })
  }
  return evidenceFromArrays(evidence.kind, chosen)
}

/**
 * Evidence of n examples, with that of some of them at their places and zeros elsewhere.
 * @param rows the places of the rows of `evidence`
 */
export function spreadEvidence(
  evidence: TransformEvidence,
  rows: ArrayLike<number>,
  count: number,
): TransformEvidence {
  const spread = new Map<string, EvidenceArray>()
  for (const [path, { shape, data }] of evidenceArrays(evidence)) {
    const size = sizeOf(shape.slice(1))
    const Typed = data instanceof Int32Array ? Int32Array : Float32Array
    const all = new Typed(count * size)
    for (let at = 0; at < rows.length; at++) {
      all.set(data.subarray(at * size, (at + 1) * size), rows[at]! * size)
    }
    spread.set(path, { shape: [count, ...shape.slice(1)], data: all })
  }
  return evidenceFromArrays(evidence.kind, spread)
}

function isTensor(value: unknown): value is FloatTensor {
  return typeof value === 'object' && value !== null && 'shape' in value && 'data' in value
}
