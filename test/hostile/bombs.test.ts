/** Small files that state or expand to large ones, and names that lead elsewhere. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32, deflateSync, gzipSync } from 'node:zlib'
import { create, toBinary } from '@bufbuild/protobuf'
import { zipSync } from 'fflate'
import { dump } from 'npyjs'
import { FunctionProtoSchema, ModelProtoSchema, NodeProtoSchema } from 'onnx-buf'
import { expect, test } from 'vitest'
import { readDescription } from '../../core/data/describe.ts'
import { readMat5 } from '../../core/data/formats/mat5.ts'
import { parseNpy } from '../../core/data/formats/npy.ts'
import { readNpz } from '../../core/data/formats/npz.ts'
import { decodeImage } from '../../core/data/images/decode.ts'
import { inspectFile } from '../../core/data/published.ts'
import { decodeSheet } from '../../core/data/sources/cifar-archives.ts'
import { unpackTar } from '../../core/data/sources/unpack-tar.ts'
import { readAdversarialIndex } from '../../core/bench/store/adversarials.ts'
import { readOnnx } from '../../core/engine/onnx/file.ts'
import { temporaryFolder } from '../core/data/fixtures.ts'

/** A chunk of a PNG file. */
function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  check.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, check])
}

/** A PNG file of 8-bit RGB with this head and compressed data. */
function png(width: number, height: number, data: Uint8Array, interlaced = false): Buffer {
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  head.set([8, 2, 0, 0, interlaced ? 1 : 0], 8)
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  const parts = [chunk('IHDR', head), chunk('IDAT', data), chunk('IEND', new Uint8Array())]
  return Buffer.concat([signature, ...parts])
}

const few = deflateSync(new Uint8Array(1000))

test('a sheet and an image that state more pixels than are allowed', async () => {
  expect(() => decodeSheet('SHEET', png(1024, 1_700_000, few))).toThrow(
    'SHEET: expected a sheet 1024 pixels wide, one image per row, of at most 10000 rows, got ' +
      '1024 × 1700000',
  )
  await expect(decodeImage(png(50_000, 50_000, few), 'x.png')).rejects.toThrow(
    'x.png: expected 1 to 67108864 pixels, got 50000 × 50000',
  )
})

test('an interlaced image with more data than its size', async () => {
  const data = deflateSync(new Uint8Array(2 ** 22))
  await expect(decodeImage(png(8, 8, data, true), 'x.png')).rejects.toThrow(
    'x.png: cannot be decoded (Cannot create a Buffer larger than 319 bytes)',
  )
})

test('an image with two heads', async () => {
  const image = png(8, 8, few)
  const second = png(60_000, 60_000, few).subarray(8, 33)
  const both = Buffer.concat([image.subarray(0, 33), second, image.subarray(33)])
  await expect(decodeImage(both, 'x.png')).rejects.toThrow('(it has several heads)')
})

test('an array that states more than its bytes can hold', async () => {
  const path = join(temporaryFolder(), 'x.npz')
  const arrays = { 'x.npy': new Uint8Array(dump(new Float32Array(4), [4])) }
  const bytes = Buffer.from(zipSync({ ...arrays, 'y.npy': arrays['x.npy'] }))
  const entry = bytes.indexOf(Buffer.from([0x50, 0x4b, 1, 2]))
  bytes.writeUInt32LE(2 ** 31, entry + 24)
  writeFileSync(path, bytes)
  await expect(readNpz(path)).rejects.toThrow(
    /x\.npz: has \d+ bytes, and its arrays expand to more than 256 MiB; save them without/,
  )
  bytes.writeUInt32LE(2 ** 27, entry + 24)
  writeFileSync(path, bytes)
  await expect(readNpz(path)).rejects.toThrow('x.npz: x.npy cannot have 134217728 bytes')
})

test.each(['(2.5, 1)', '(-1,)', '(1e3,)', '(0x10,)', '(99999999999999999999,)', '("2",)'])(
  'a .npy head with the shape %s',
  (shape) => {
    const head = `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117) + '\n'
    const length = Uint8Array.of(head.length, 0)
    const magic = Buffer.from('\x93NUMPY\x01\x00', 'latin1')
    const bytes = Buffer.concat([magic, length, Buffer.from(head), Buffer.alloc(8)])
    expect(() => parseNpy(new Uint8Array(bytes).buffer, 'x.npy')).toThrow(
      'x.npy: cannot be read as .npy (expected whole numbers as its shape, got ',
    )
  },
)

test('a MATLAB array that is compressed twice, as a file that contains itself is', () => {
  const element = (body: Uint8Array): Buffer => {
    const tag = Buffer.alloc(8)
    tag.writeUInt32LE(15, 0)
    tag.writeUInt32LE(body.length, 4)
    return Buffer.concat([tag, body])
  }
  const head = Buffer.alloc(128, ' ')
  head.set([0, 1], 124)
  head.write('IM', 126)
  const bytes = Buffer.concat([head, element(deflateSync(element(deflateSync(Buffer.alloc(8)))))])
  expect(() => readMat5({ path: 'x.mat', bytes })).toThrow('x.mat: an array is compressed twice')
})

test('local functions that call each other twice, twenty times over', () => {
  const call = (op: string, output: string) =>
    create(NodeProtoSchema, { opType: op, domain: 'f', input: ['x'], output: [output] })
  const functions = Array.from({ length: 20 }, (_, i) =>
    create(FunctionProtoSchema, {
      name: `f${i}`,
      domain: 'f',
      input: ['x'],
      output: ['y'],
      node: [call(`f${i + 1}`, 'y'), call(`f${i + 1}`, 'z')],
    }),
  )
  const model = create(ModelProtoSchema, {
    opsetImport: [{ domain: '', version: 17n }],
    functions,
    graph: { node: [call('f0', 'y')], input: [{ name: 'x' }], output: [{ name: 'y' }] },
  })
  expect(() => readOnnx(toBinary(ModelProtoSchema, model), 'm.onnx')).toThrow(
    'm.onnx: its local functions expand to more than 100000 nodes',
  )
})

test('a tarball with a link, a name outside, and a file that is too large', async () => {
  const folder = temporaryFolder()
  const [inside, work] = [join(folder, 'in'), join(folder, 'work')]
  mkdirSync(inside)
  mkdirSync(work)
  symlinkSync('/etc/passwd', join(inside, 'link.bin'))
  writeFileSync(join(inside, 'large.bin'), new Uint8Array(2000))
  writeFileSync(join(folder, 'up.bin'), 'up')
  const path = join(folder, 'x.tgz')
  execFileSync('tar', ['-Pczf', path, '-C', inside, 'link.bin', '../up.bin', 'large.bin'])
  const request = { path, work, strip: 0, mostBytes: () => 1000 }
  await expect(unpackTar(request)).rejects.toThrow(
    `${path}: large.bin has 2000 bytes, expected at most 1000; it is not the published archive`,
  )
  expect(readdirSync(work)).toEqual([])
  await expect(unpackTar({ ...request, limit: 1000 })).rejects.toThrow(
    `${path}: expands to more than 1000 bytes; it is not the published archive`,
  )
  expect(existsSync(join(folder, 'link.bin'))).toBe(false)
})

test('a description and an index that name files outside of their directories', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'd.json')
  for (const name of ['../x.npz', '/etc/passwd', 'a/../../x.npz']) {
    writeFileSync(
      path,
      JSON.stringify({ id: 'mine', title: 'Mine', files: { [name]: 'a'.repeat(64) } }),
    )
    await expect(readDescription(path)).rejects.toThrow(
      `${path}#/files: "${name}" is outside of the directory of the description`,
    )
  }
  for (const file of ['../x.npz', '/etc/passwd', 'C:\\x.npz']) {
    const index = { schemaVersion: 1, dataset: {}, files: [{ file, bytes: 1, units: [] }] }
    writeFileSync(join(folder, 'index.json'), JSON.stringify(index))
    await expect(readAdversarialIndex(folder)).rejects.toThrow('index.json: is damaged')
  }
})

test('a compressed file that expands beyond the published size stops there', async () => {
  const path = join(temporaryFolder(), 'x.gz')
  writeFileSync(path, gzipSync(new Uint8Array(2 ** 20)))
  const digest = { algorithm: 'sha256', value: '' } as const
  expect(await inspectFile(path, { name: 'x.gz', bytes: 4, digest })).toEqual({
    state: 'wrong',
    problem: 'expands to more than 4 bytes: another file',
  })
})
