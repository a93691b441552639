/** Weights in files beside the model are read, and nothing outside of its directory. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation as DataLocation,
} from 'onnx-buf'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hashBytes } from '../../../../core/base/hash.ts'
import { readOnnxFile } from '../../../../core/engine/onnx/external-data.ts'
import { readOnnx, writeOnnx } from '../../../../core/engine/onnx/file.ts'
import { node, onnxGraph, randomTensor } from '../../../support/onnx-file.ts'

const weights = { v: randomTensor([4, 3], 'v'), b: randomTensor([3], 'b') }
const whole = writeOnnx(
  onnxGraph({ input: ['n', 4], nodes: [node('Gemm', 'x v b', 'y')], initializers: weights }),
)
const bytesOf = (data: { buffer: ArrayBufferLike }): Uint8Array => new Uint8Array(data.buffer)
const data = Buffer.concat([bytesOf(weights.v.data), bytesOf(weights.b.data)])

let root: string
let folder: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'robench-external-'))
  folder = join(root, 'models')
  await mkdir(join(folder, 'sub'), { recursive: true })
  await writeFile(join(root, 'outside.data'), data)
})
afterAll(async () => rm(root, { recursive: true }))

/** Writes the model with its weights at a location, of which `length` bytes are stated for `b`. */
async function modelAt(location: string, length = '12'): Promise<string> {
  const model = fromBinary(ModelProtoSchema, whole)
  const entry = (key: string, value: string) => create(StringStringEntryProtoSchema, { key, value })
  for (const [i, item] of model.graph!.initializer.entries()) {
    item.rawData = new Uint8Array()
    item.dataLocation = DataLocation.EXTERNAL
    item.externalData = [entry('location', location)]
    item.externalData.push(entry('offset', i === 0 ? '0' : '48'))
    item.externalData.push(entry('length', i === 0 ? '48' : length))
  }
  const path = join(folder, 'm.onnx')
  await writeFile(path, toBinary(ModelProtoSchema, model))
  return path
}

test('weights beside the model are part of its bytes, and so of its hash', async () => {
  await writeFile(join(folder, 'm.onnx.data'), data)
  const bytes = await readOnnxFile(await modelAt('m.onnx.data'))
  const { initializers } = readOnnx(bytes, 'm.onnx')
  expect([...initializers.get('v')!.data]).toEqual([...weights.v.data])
  expect([...initializers.get('b')!.data]).toEqual([...weights.b.data])
  await writeFile(join(folder, 'm.onnx.data'), data.toReversed())
  const changed = await readOnnxFile(await modelAt('m.onnx.data'))
  expect(hashBytes(changed)).not.toBe(hashBytes(bytes))
})

test('they may be in a directory below, also by a link inside', async () => {
  await writeFile(join(folder, 'sub', 'w.bin'), data)
  await symlink(join(folder, 'sub', 'w.bin'), join(folder, 'link.bin'))
  for (const location of ['sub/w.bin', 'link.bin']) {
    const { initializers } = readOnnx(await readOnnxFile(await modelAt(location)), 'm.onnx')
    expect([...initializers.get('b')!.data]).toEqual([...weights.b.data])
  }
})

test('files outside of the directory are refused', async () => {
  await symlink(join(root, 'outside.data'), join(folder, 'out.data'))
  await symlink(root, join(folder, 'up'))
  const absolute = join(root, 'outside.data')
  const outside = ['../outside.data', 'sub/../../outside.data', '..\\outside.data', absolute]
  for (const location of [...outside, 'C:\\outside.data', 'out.data', 'up/outside.data', '']) {
    const path = await modelAt(location)
    await expect(readOnnxFile(path)).rejects.toThrow(
      `${path}: its weights are in "${location}", outside of its directory, which is not allowed`,
    )
  }
})

test('missing and short files are errors that name them', async () => {
  const missing = await modelAt('gone.data')
  await expect(readOnnxFile(missing)).rejects.toThrow(
    `${missing}: its weights are in "gone.data", which does not exist; copy that file beside the model`,
  )
  await writeFile(join(folder, 'short.data'), data)
  const short = await modelAt('short.data', '16')
  await expect(readOnnxFile(short)).rejects.toThrow(
    `${short}: tensor "b" is at bytes 48 to 64 of short.data, which has 60; copy the file again`,
  )
  await expect(readOnnxFile(await modelAt('sub'))).rejects.toThrow(
    `${join(folder, 'sub')}: expected a file, got a directory`,
  )
})

test('a model in one file is returned as it is', async () => {
  const path = join(folder, 'whole.onnx')
  await writeFile(path, whole)
  expect(await readOnnxFile(path)).toEqual(whole)
})

test('bytes without their weights say where these are', async () => {
  await modelAt('m.onnx.data')
  const { readFile } = await import('node:fs/promises')
  const bytes = new Uint8Array(await readFile(join(folder, 'm.onnx')))
  expect(() => readOnnx(bytes, 'm.onnx')).toThrow(
    'm.onnx: tensor "v" is stored in m.onnx.data, which these bytes do not contain; ' +
      'pass the path of the model, or the bytes that readOnnxFile returns',
  )
})
