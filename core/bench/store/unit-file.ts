/** The file of a completed unit: a line with the checksum of all bytes that follow, then JSON. */
import { hashBytes } from '../../base/hash.ts'
import { parseJsonText } from '../../base/json-file.ts'
import { unitId } from '../plan/cell.ts'
import type { Shard, Unit } from '../plan/cell.ts'
import { outcomeProblem } from './check-outcome.ts'
import type { UnitOutcome } from './unit-outcome.ts'

/** A unit with its outcome, as its file contains it. */
export interface StoredUnit {
  readonly id: string
  readonly cell: Unit['cell']
  readonly shard: Shard
  readonly outcome: UnitOutcome
  /** sha256 of the bytes after the first line. */
  readonly checksum: string
}

const schemaVersion = 2
/** Length of the first line: `{"sha256":"…",` and a line feed. */
const headLength = 11 + 64 + 2 + 1

/** The bytes of a unit's file, and the checksum in them. */
export function encodeUnit(
  { id, cell, shard }: Unit,
  outcome: UnitOutcome,
): { readonly bytes: Uint8Array; readonly checksum: string } {
  const record = { schemaVersion, id, cell, shard, outcome }
  // The first line opens the object, so that the file as a whole is JSON.
  const body = new TextEncoder().encode(`${JSON.stringify(record, undefined, 1).slice(1)}\n`)
  const checksum = hashBytes(body)
  return { bytes: Buffer.concat([Buffer.from(headOf(checksum)), body]), checksum }
}

/**
 * Reads the bytes of a unit's file. A change of any bit is noticed.
 * @param name the file's name without extension, which must be the id of the unit inside
 * @returns the unit, or a text that says what is wrong, to follow the file's name
 */
export function decodeUnit(bytes: Uint8Array, name: string): StoredUnit | string {
  const body = bytes.subarray(headLength)
  const checksum = hashBytes(body)
  if (Buffer.from(bytes.subarray(0, headLength)).toString('latin1') !== headOf(checksum)) {
    return Buffer.from(bytes.subarray(0, 20)).toString('latin1').startsWith('{\n "schemaVersion')
      ? 'was written by an older version of robench'
      : 'is damaged: the checksum in its first line does not match its content'
  }
  // The checksum has no key: whoever wrote the file can have made it.
  const text = Buffer.from(bytes).toString('utf8')
  const record = parseJsonText(text, `${name}.json`) as Omit<StoredUnit, 'checksum'> & {
    readonly schemaVersion: number
  }
  const { id, cell, shard, outcome } = record
  if (record.schemaVersion !== schemaVersion) {
    return `has schema version ${record.schemaVersion}, expected ${schemaVersion}`
  }
  if (id !== name || unitId(cell, shard) !== name) {
    return 'contains another unit than its name says'
  }
  return outcomeProblem(outcome, shard) ?? { id, cell, shard, outcome, checksum }
}

function headOf(checksum: string): string {
  return `{"sha256":"${checksum}",\n`
}
