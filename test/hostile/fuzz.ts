/** Random damages of valid content: every reader returns a value or refuses, and never fails. */
import fc from 'fast-check'
import { RobenchError } from '../../core/base/errors.ts'
import { Refusal } from './readers.ts'
import type { Reader } from './readers.ts'

/** A change at a place, which is a share of the length. */
interface Change {
  readonly kind: 'flip' | 'cut' | 'insert' | 'repeat' | 'large' | 'swap'
  readonly place: number
  readonly length: number
  readonly byte: number
}

const change = fc.record<Change>({
  kind: fc.constantFrom('flip', 'cut', 'insert', 'repeat', 'large', 'swap'),
  place: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.integer({ min: 1, max: 64 }),
  byte: fc.integer({ min: 0, max: 255 }),
})

/** Pieces of text that mean something to parsers. */
const tokens = [
  '"',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '1e999',
  '-1',
  'null',
  '\\',
  '&a ',
  '*a',
  '(',
  ')',
]

function applied(bytes: Uint8Array, { kind, place, length, byte }: Change): Uint8Array {
  const at = Math.min(bytes.length - 1, Math.floor(place * bytes.length))
  if (at < 0) return bytes
  const [before, piece, after] = [
    bytes.subarray(0, at),
    bytes.subarray(at, at + length),
    bytes.subarray(at + length),
  ]
  switch (kind) {
    case 'flip': {
      const flipped = bytes.slice()
      flipped[at]! ^= 1 << (byte % 8)
      return flipped
    }
    case 'cut':
      return joined(before, after)
    case 'insert':
      return joined(before, Buffer.from(tokens[byte % tokens.length]!), bytes.subarray(at))
    case 'repeat':
      return joined(before, piece, piece, after)
    case 'large': {
      const filled = bytes.slice()
      filled.fill(byte > 127 ? 255 : byte, at, at + Math.min(8, length))
      return filled
    }
    case 'swap':
      return joined(before, after.subarray(0, length), piece, after.subarray(length))
    default:
      return kind satisfies never
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

/** Reads damaged content that many times. @throws what is no RobenchError */
export async function fuzz(reader: Reader, runs: number): Promise<void> {
  const property = fc.asyncProperty(
    fc.array(change, { minLength: 1, maxLength: 4 }),
    async (all) => {
      const damaged = all.reduce(applied, reader.valid)
      try {
        await reader.read(damaged)
      } catch (error) {
        if (!(error instanceof RobenchError || error instanceof Refusal)) throw error
      }
    },
  )
  await fc.assert(property, { numRuns: runs })
}

/** Another value at a place of a document, which is a list of shares of the keys of each level. */
const replacement = fc.record({
  path: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 7 }),
  value: fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(-1, 0, 1e308, 2 ** 53, '', '../../x', '/etc/passwd', '\u202e', [], {}, null),
  ),
})

function replaced(document: unknown, path: readonly number[], value: unknown): unknown {
  const [share, ...rest] = path
  if (share === undefined || typeof document !== 'object' || document === null) return value
  const keys = Object.keys(document)
  const key = keys[Math.min(keys.length - 1, Math.floor(share * keys.length))]
  if (key === undefined) return value
  const inner = replaced(Reflect.get(document, key), rest, value)
  return Array.isArray(document)
    ? document.map((item: unknown, at) => (String(at) === key ? inner : item))
    : { ...document, [key]: inner }
}

/** Reads a document with values replaced that many times. @throws what is no RobenchError */
export async function fuzzValues(reader: Reader, runs: number): Promise<void> {
  const valid: unknown = JSON.parse(Buffer.from(reader.valid).toString('utf8'))
  const property = fc.asyncProperty(
    fc.array(replacement, { minLength: 1, maxLength: 3 }),
    async (all) => {
      const document = all.reduce(
        (changed, { path, value }) => replaced(changed, path, value),
        valid,
      )
      const text = JSON.stringify(reader.seal?.(document) ?? document)
      try {
        await reader.read(new TextEncoder().encode(text))
      } catch (error) {
        if (!(error instanceof RobenchError)) throw error
      }
    },
  )
  await fc.assert(property, { numRuns: runs })
}
