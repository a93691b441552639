import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readMat5 } from '../../../../core/data/formats/mat5.ts'
import { matFile, named, errorOf } from '../fixtures.ts'

const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 4 })
const kinds = fc.constantFrom(
  Uint8Array,
  Int16Array,
  Uint16Array,
  Int32Array,
  Float32Array,
  Float64Array,
)

test('arrays of every stored type are read, compressed or not', () => {
  fc.assert(
    fc.property(shapes, kinds, fc.boolean(), (shape, kind, compressed) => {
      const size = shape.reduce((product, length) => product * length, 1)
      const data = new kind(size).map((_: number, i: number) => i % 200)
      const other = { name: 'y', shape: [1, 3], data: Uint8Array.of(1, 2, 3) }
      const bytes = matFile([{ name: 'a_longer_name', shape, data }, other], { compressed })
      const arrays = readMat5(named(bytes))
      expect(arrays.get('a_longer_name')).toEqual({ name: 'a_longer_name', shape, data })
      expect(arrays.get('y')).toEqual(other)
    }),
  )
})

test('variables that are not numeric arrays are skipped', () => {
  const text = { name: 'note', shape: [1, 2], data: Uint16Array.of(104, 105), arrayClass: 4 }
  const bytes = matFile([text, { name: 'x', shape: [1, 1], data: Float64Array.of(5) }])
  expect([...readMat5(named(bytes)).keys()]).toEqual(['x'])
})

describe('rejects', () => {
  const good = matFile([{ name: 'x', shape: [4, 4], data: new Float64Array(16) }])

  test('a file that is not a MAT-file', async () => {
    expect(await errorOf(() => readMat5(named(new Uint8Array(500))))).toMatchInlineSnapshot(
      `"ROBENCH_DATA: FILE: expected a MATLAB version 5 file, but its header is not one"`,
    )
  })

  test('version 7.3', async () => {
    const bytes = good.slice()
    bytes.set(new TextEncoder().encode('MATLAB 7.3 MAT-file'))
    expect(await errorOf(() => readMat5(named(bytes)))).toMatchInlineSnapshot(
      `"ROBENCH_DATA: FILE: is a MATLAB 7.3 (HDF5) file, expected version 5 to 7; save it with \`save -v7\`"`,
    )
  })

  test('big-endian files', async () => {
    const bytes = good.slice()
    bytes.set(new TextEncoder().encode('MI'), 126)
    expect(await errorOf(() => readMat5(named(bytes)))).toMatchInlineSnapshot(
      `"ROBENCH_DATA: FILE: is a big-endian MAT-file; only little-endian files are supported"`,
    )
  })

  test('a truncated file', async () => {
    expect(await errorOf(() => readMat5(named(good.subarray(0, 200))))).toMatchInlineSnapshot(
      `"ROBENCH_DATA: FILE: an element ends at byte 312, but the file has only 200 bytes; it is truncated"`,
    )
  })

  test('a damaged compressed array', async () => {
    const variable = { name: 'x', shape: [40, 40], data: new Float64Array(1600) }
    const bytes = matFile([variable], { compressed: true })
    bytes.fill(255, 140, 160)
    expect(await errorOf(() => readMat5(named(bytes)))).toMatchInlineSnapshot(
      `"ROBENCH_DATA: FILE: a compressed array cannot be unpacked (invalid code lengths set); the file is truncated or damaged"`,
    )
  })

  test('an array with fewer elements than its shape implies', async () => {
    const bytes = matFile([{ name: 'x', shape: [4, 5], data: new Float64Array(16) }])
    expect(await errorOf(() => readMat5(named(bytes)))).toMatchInlineSnapshot(
      `"ROBENCH_DATA: FILE: array "x" of [4, 5] has 20 elements, got 16; the file is damaged"`,
    )
  })

  test('a file truncated anywhere, with a ConfigError', () => {
    const bytes = matFile([{ name: 'x', shape: [4, 4], data: new Float64Array(16) }], {
      compressed: true,
    })
    for (let size = 0; size < bytes.length; size++) {
      if (size === 128) continue // A header alone is a file with no variables.
      expect(() => readMat5(named(bytes.subarray(0, size)))).toThrow('FILE: ')
    }
  })
})
