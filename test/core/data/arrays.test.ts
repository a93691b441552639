import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dump } from 'npyjs'
import type { TypedArray } from 'npyjs'
import { describe, expect, test } from 'vitest'
import { readNpyPair } from '../../../core/data/arrays.ts'
import { errorOf, temporaryFolder } from './fixtures.ts'

interface Pair {
  readonly folder: string
  readonly inputs: string
  readonly labels: string
}

function pair(
  inputs: { data: TypedArray; shape: number[] },
  labels: { data: TypedArray; shape?: number[] } = { data: BigInt64Array.of(0n, 2n) },
): Pair {
  const folder = temporaryFolder()
  const paths = { folder, inputs: join(folder, 'x.npy'), labels: join(folder, 'y.npy') }
  writeFileSync(paths.inputs, new Uint8Array(dump(inputs.data, inputs.shape)))
  writeFileSync(
    paths.labels,
    new Uint8Array(dump(labels.data, labels.shape ?? [labels.data.length])),
  )
  return paths
}

const fits = { data: Float32Array.of(0, 0.25, 0.5, 1, 0, 0, 0, 0), shape: [2, 1, 2, 2] }
const read = ({ inputs, labels }: Pair): ReturnType<typeof readNpyPair> =>
  readNpyPair(inputs, labels)
const errorFor = (given: Pair): Promise<string> => errorOf(() => read(given), { DIR: given.folder })

test('float32 inputs and labels of every integer type are read', async () => {
  for (const data of [
    Int8Array.of(0, 2),
    Uint8Array.of(0, 2),
    Int16Array.of(0, 2),
    Uint16Array.of(0, 2),
    Int32Array.of(0, 2),
    Uint32Array.of(0, 2),
    BigInt64Array.of(0n, 2n),
    BigUint64Array.of(0n, 2n),
  ]) {
    const { shape, pixels, labels } = await read(pair(fits, { data }))
    expect(shape).toEqual([1, 2, 2])
    expect(pixels).toEqual(fits.data)
    expect(labels).toEqual(Int32Array.of(0, 2))
  }
})

test('uint8 inputs stay 8-bit', async () => {
  const { pixels } = await read(pair({ data: Uint8Array.of(0, 255), shape: [2, 1, 1, 1] }))
  expect(pixels).toEqual(Uint8Array.of(0, 255))
})

test('a header written by NumPy is read', async () => {
  const folder = temporaryFolder()
  const header =
    "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1, 1, 1), }".padEnd(117) + '\n'
  const prefix = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length, 0])
  const inputs = join(folder, 'x.npy')
  writeFileSync(inputs, Buffer.concat([prefix, Buffer.from(header), Buffer.of(7, 8)]))
  const { labels } = pair(fits)
  expect((await readNpyPair(inputs, labels)).pixels).toEqual(Uint8Array.of(7, 8))
})

describe('rejects', () => {
  test('a missing file', async () => {
    const given = pair(fits)
    expect(await errorFor({ ...given, inputs: join(given.folder, 'z.npy') })).toMatchInlineSnapshot(
      `"ROBENCH_DATA: DIR/z.npy: not found"`,
    )
  })

  test('a file that is not .npy', async () => {
    const given = pair(fits)
    writeFileSync(given.inputs, 'PK\x03\x04 an archive')
    expect(await errorFor(given)).toMatchInlineSnapshot(
      `"ROBENCH_DATA: DIR/x.npy: expected a .npy file; write one with numpy.save (an .npz archive is given by --data)"`,
    )
  })

  test('a truncated header', async () => {
    const given = pair(fits)
    writeFileSync(given.inputs, new Uint8Array(dump(fits.data, fits.shape)).subarray(0, 30))
    expect(await errorFor(given)).toMatchInlineSnapshot(
      `"ROBENCH_DATA: DIR/x.npy: cannot be read as .npy (its head is cut off); it is truncated, or its type is not a plain little-endian number"`,
    )
  })

  test('truncated values', async () => {
    const given = pair(fits)
    writeFileSync(given.inputs, new Uint8Array(dump(fits.data, fits.shape)).slice(0, -4))
    expect(await errorFor(given)).toMatchInlineSnapshot(
      `"ROBENCH_DATA: DIR/x.npy: its header says [2, 1, 2, 2], that is 8 elements, got 7; the file is truncated or damaged"`,
    )
  })

  test('float64 inputs', async () => {
    expect(
      await errorFor(pair({ data: new Float64Array(8), shape: [2, 1, 2, 2] })),
    ).toMatchInlineSnapshot(
      `"ROBENCH_DATA: DIR/x.npy: expected inputs of type uint8 or float32, got float64; save x.astype('float32')"`,
    )
  })

  test('inputs without a channel axis', async () => {
    expect(await errorFor(pair({ ...fits, shape: [2, 2, 2] }))).toMatchInlineSnapshot(
      `"ROBENCH_DATA: DIR/x.npy: expected inputs of shape [n, channels, height, width], got [2, 2, 2]; a single channel needs its axis too: x[:, None]"`,
    )
  })

  test('Fortran order', async () => {
    const given = pair(fits)
    const text = Buffer.from(dump(fits.data, fits.shape)).toString('latin1')
    writeFileSync(given.inputs, Buffer.from(text.replace("r':False", "r': True"), 'latin1'))
    expect(await errorFor(given)).toMatchInlineSnapshot(
      `"ROBENCH_DATA: DIR/x.npy: is in Fortran order; save numpy.ascontiguousarray(x)"`,
    )
  })

  test('inputs from 0 to 255 as floats', async () => {
    expect(
      await errorFor(pair({ data: Float32Array.of(0, 255), shape: [2, 1, 1, 1] })),
    ).toMatchInlineSnapshot(
      `"ROBENCH_DATA: DIR/x.npy: expected inputs in [0, 1], got values from 0 to 255; set --bounds 0,255, or divide by 255"`,
    )
  })

  test('normalized inputs', async () => {
    expect(
      await errorFor(pair({ data: Float32Array.of(-2, 2), shape: [2, 1, 1, 1] })),
    ).toMatchInlineSnapshot(
      `"ROBENCH_DATA: DIR/x.npy: expected inputs in [0, 1], got values from -2 to 2; scale them to [0, 1]; normalization by mean and standard deviation belongs to the model (--mean, --std)"`,
    )
  })

  test('inputs that are not finite', async () => {
    expect(
      await errorFor(pair({ data: Float32Array.of(0, NaN), shape: [2, 1, 1, 1] })),
    ).toMatchInlineSnapshot(
      `"ROBENCH_DATA: DIR/x.npy: example 1 contains NaN; inputs must be finite"`,
    )
  })

  test('fewer labels than inputs', async () => {
    expect(await errorFor(pair(fits, { data: Int32Array.of(1) }))).toMatchInlineSnapshot(
      `"ROBENCH_DATA: DIR/y.npy: 1 labels for the 2 inputs of DIR/x.npy"`,
    )
  })

  test('floating-point labels', async () => {
    expect(await errorFor(pair(fits, { data: Float32Array.of(0, 1) }))).toMatchInlineSnapshot(
      `"ROBENCH_DATA: DIR/y.npy: expected labels of an integer type, got float32; save y.astype('int64')"`,
    )
  })

  test('class probabilities as labels', async () => {
    expect(
      await errorFor(pair(fits, { data: Float32Array.of(0.5, 0.5, 1, 0), shape: [2, 2] })),
    ).toMatchInlineSnapshot(
      `"ROBENCH_DATA: DIR/y.npy: row 0: expected one-hot labels, with a single 1 in each row and 0 elsewhere; class probabilities are no labels: save y.argmax(1)"`,
    )
  })

  test('a row of labels', async () => {
    expect(
      await errorFor(pair(fits, { data: Int32Array.of(3, 5), shape: [1, 2] })),
    ).toMatchInlineSnapshot(
      `"ROBENCH_DATA: DIR/y.npy: expected labels of shape [n], [n, 1], or one-hot [n, classes], got [1, 2]; save y.reshape(-1)"`,
    )
  })

  test('big-endian arrays', async () => {
    const given = pair(fits)
    const header = "{'descr': '>i8', 'fortran_order': False, 'shape': (2,), }".padEnd(117) + '\n'
    const head = Uint8Array.from(`\x93NUMPY\x01\x00\x76\x00${header}`, (c) => c.charCodeAt(0))
    writeFileSync(given.labels, Buffer.concat([head, new Uint8Array(16)]))
    expect(await errorFor(given)).toBe(
      `ROBENCH_DATA: DIR/y.npy: is big-endian (">i8"); save array.astype('int64')`,
    )
  })

  test('negative labels', async () => {
    expect(await errorFor(pair(fits, { data: Int32Array.of(0, -1) }))).toMatchInlineSnapshot(
      `"ROBENCH_DATA: DIR/y.npy: label 1 is -1, but classes count from 0; leave out images without a label"`,
    )
  })
})

test('labels are integers of any width, columns of them, or one-hot rows', async () => {
  const labelsOf = async (data: TypedArray, shape: number[]) => {
    const { inputs, labels } = pair(fits, { data, shape })
    return readNpyPair(inputs, labels)
  }
  for (const data of [Int8Array.of(1, 0), Uint16Array.of(1, 0), BigInt64Array.of(1n, 0n)]) {
    expect((await labelsOf(data, [2])).labels).toEqual(Int32Array.of(1, 0))
  }
  const column = await labelsOf(Int32Array.of(1, 0), [2, 1])
  expect([column.labels, column.classes]).toEqual([Int32Array.of(1, 0), undefined])
  const rows = await labelsOf(Float32Array.of(0, 0, 1, 1, 0, 0), [2, 3])
  expect([rows.labels, rows.classes]).toEqual([Int32Array.of(2, 0), 3])
})

test('float inputs may have other bounds', async () => {
  const { inputs, labels } = pair({ data: Float32Array.of(-1, 1), shape: [2, 1, 1, 1] })
  expect((await readNpyPair(inputs, labels, [-1, 1])).pixels).toEqual(Float32Array.of(-1, 1))
})
