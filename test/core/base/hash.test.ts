/** Content hashes: known values, and independence of the order of keys. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalJson, hashBytes, hashJson } from '../../../core/base/hash.ts'

test('bytes hash to the published sha256 values', () => {
  expect(hashBytes()).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  expect(hashBytes(new TextEncoder().encode('abc'))).toBe(
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  )
})

test('parts hash like their concatenation, and views like their visible bytes', () => {
  const bytes = Uint8Array.from({ length: 10 }, (_, i) => i)
  expect(hashBytes(bytes.subarray(0, 3), bytes.subarray(3))).toBe(hashBytes(bytes))
  expect(hashBytes(bytes.subarray(2, 4))).toBe(hashBytes(Uint8Array.of(2, 3)))
})

test('JSON hashes are independent of the order of keys, at any depth', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const reversed = Object.fromEntries(Object.entries(value).toReversed())
      expect(hashJson({ outer: reversed })).toBe(hashJson({ outer: value }))
    }),
  )
})

test('the canonical form parses to the same value and is its own canonical form', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value)
      expect(canonicalJson(JSON.parse(text))).toBe(text)
    }),
  )
})

test('numbers are written as in JSON, keys sorted by UTF-16 units, without spaces', () => {
  expect(
    canonicalJson({ b: [1, 0.1, 1e21, -0], a: { '\u20ac': 1, '1': 2 } }),
  ).toMatchInlineSnapshot(`"{"a":{"1":2,"€":1},"b":[1,0.1,1e+21,0]}"`)
})
