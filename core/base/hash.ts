/** Content hashes of bytes and of JSON in canonical form (RFC 8785). */
import { createHash } from 'node:crypto'
import canonicalizeModule from 'canonicalize'

// The package is CommonJS with a default export; under nodenext the function is one level deeper.
const canonicalize = canonicalizeModule as unknown as (value: unknown) => string | undefined

/** JSON Schema of a hash. */
export const sha256Schema = {
  type: 'string',
  pattern: '^[0-9a-f]{64}$',
  description: 'a sha256 with 64 hexadecimal digits',
} as const

/** sha256 of bytes, as 64 hexadecimal digits. */
export function hashBytes(...parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}

/** sha256 of a JSON value, independent of the order of keys. */
export function hashJson(value: unknown): string {
  return hashBytes(new TextEncoder().encode(canonicalJson(value)))
}

/** The canonical JSON text of a value (RFC 8785: sorted keys, no spaces). */
export function canonicalJson(value: unknown): string {
  return canonicalize(value) ?? 'null'
}
