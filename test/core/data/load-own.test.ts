/** Data of the user's own: folders, archives, tables, descriptions, samples, bounds. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { zipSync } from 'fflate'
import { dump } from 'npyjs'
import { PNG } from 'pngjs'
import { expect, test } from 'vitest'
import { hashOfPath } from '../../../core/data/describe.ts'
import { loadDataset } from '../../../core/data/load.ts'
import type { DatasetSettings } from '../../../core/data/dataset.ts'
import { errorOf, parquetSample, temporaryFolder } from './fixtures.ts'

const load = (path: string, settings: DatasetSettings = {}) =>
  loadDataset({ path, ...settings }, { split: 'test' })

/** A folder of gray-valued RGB images of 2 × 1 pixels, one per name and value. */
function imageFolder(images: Readonly<Record<string, number>>): string {
  const folder = join(temporaryFolder(), 'images')
  for (const [name, value] of Object.entries(images)) {
    const png = new PNG({ width: 2, height: 1 })
    png.data.fill(value)
    mkdirSync(join(folder, dirname(name)), { recursive: true })
    writeFileSync(join(folder, name), PNG.sync.write(png))
  }
  return folder
}

test('a folder has one class for each directory, in alphabetical order, and they alternate', async () => {
  const folder = imageFolder({ 'cat/b.png': 51, 'cat/a.png': 0, 'dog/x.png': 255 })
  const data = await load(folder)
  expect(data).toMatchObject({
    id: 'files',
    title: 'images',
    shape: [3, 1, 2],
    classNames: ['cat', 'dog'],
    classes: 2,
    bounds: [0, 1],
  })
  expect(data.labels).toEqual(Int32Array.of(0, 1, 0))
  expect([0, 1, 2].map((row) => data.rows([row]).data[0])).toEqual([0, 1, Math.fround(0.2)])
})

test('class names set the labels of a folder with only some classes', async () => {
  const folder = imageFolder({ 'cat/a.png': 0, 'dog/x.png': 255 })
  const data = await load(folder, { classNames: ['bird', 'dog', 'cat'] })
  expect([data.classes, data.labels]).toEqual([3, Int32Array.of(1, 2)])
  expect(await errorOf(() => load(folder, { classNames: ['cat', 'dig'] }))).toBe(
    `ROBENCH_DATA: ${join(folder, 'dog')}: not one of the class names; did you mean "dig"?`,
  )
})

test('8-bit pixels are mapped onto the bounds, whose change is another identity', async () => {
  const folder = imageFolder({ 'a/1.png': 51 })
  const unit = await load(folder)
  const bytes = await load(folder, { bounds: [0, 255] })
  const signed = await load(folder, { bounds: [-1, 1] })
  expect(bytes.rows([0]).data[0]).toBe(51)
  expect(signed.rows([0]).data[0]).toBe(Math.fround(-0.6))
  expect(new Set([unit.hash, bytes.hash, signed.hash]).size).toBe(3)
})

test('images of several sizes need a size', async () => {
  const folder = imageFolder({ 'a/1.png': 10, 'b/1.png': 20 })
  const wide = new PNG({ width: 4, height: 2 })
  wide.data.fill(30)
  writeFileSync(join(folder, 'b/2.png'), PNG.sync.write(wide))
  expect(await errorOf(() => load(folder), { DIR: folder })).toBe(
    'ROBENCH_DATA: DIR/b/2.png: 4 × 2 pixels, but DIR/a/1.png has 2 × 1; bring all images to one ' +
      'size with --size H,W, or --resize and --crop (in a suite, dataset.image)',
  )
  const data = await load(folder, { image: { size: [1, 2], channels: 1 } })
  expect(data.shape).toEqual([1, 1, 2])
  expect(data.rows([2]).data).toEqual(Float32Array.of(30 / 255, 30 / 255))
})

test('a sample keeps the share of each class, and the positions in the whole data', async () => {
  const names = Array.from({ length: 12 }, (_, i) => `${i < 8 ? 'a' : 'b'}/${10 + i}.png`)
  const folder = imageFolder(Object.fromEntries(names.map((name, i) => [name, i])))
  const whole = await load(folder)
  const data = await load(folder, { sample: { count: 6, seed: 1 } })
  expect([data.count, data.total]).toEqual([6, 12])
  expect([...data.labels].filter((label) => label === 1)).toHaveLength(2)
  data.positions!.forEach((position, row) => {
    expect(data.rows([row]).data).toEqual(whole.rows([position]).data)
  })
  const again = await load(folder, { sample: { count: 6, seed: 1 } })
  const other = await load(folder, { sample: { count: 6, seed: 2 } })
  expect(again.hash).toBe(data.hash)
  expect(other.hash).not.toBe(data.hash)
  expect(await errorOf(() => load(folder, { sample: { count: 13, seed: 0 } }))).toBe(
    'ROBENCH_CONFIG: sample: expected at most 12 examples, all of the data, got 13',
  )
})

function archive(arrays: Readonly<Record<string, ArrayBuffer>>): string {
  const path = join(temporaryFolder(), 'data.npz')
  const files = Object.entries(arrays).map(([name, data]) => [`${name}.npy`, new Uint8Array(data)])
  writeFileSync(path, zipSync(Object.fromEntries(files) as Record<string, Uint8Array>))
  return path
}

test('an .npz archive has its arrays by usual names, channels last or without channels', async () => {
  const plain = archive({
    x_test: dump(Uint8Array.of(0, 1, 2, 3, 4, 255), [3, 1, 2]),
    y_test: dump(Uint8Array.of(0, 2, 1), [3, 1]),
  })
  const data = await load(plain)
  expect([data.shape, data.labels, data.classes]).toEqual([
    [1, 1, 2],
    Int32Array.of(0, 2, 1),
    undefined,
  ])
  expect(data.rows([2]).data).toEqual(Float32Array.of(4 / 255, 1))
  const last = archive({
    pictures: dump(Uint8Array.of(1, 2, 3, 4, 5, 6), [1, 2, 1, 3]),
    kinds: dump(Int32Array.of(0), [1]),
  })
  const columns = { inputs: 'pictures', labels: 'kinds' }
  const bytes = await load(last, { columns, bounds: [0, 255] })
  expect(bytes.rows([0])).toMatchObject({ shape: [1, 3, 2, 1] })
  expect([...bytes.rows([0]).data]).toEqual([1, 4, 2, 5, 3, 6])
  expect(await errorOf(() => load(last), { NPZ: last })).toBe(
    'ROBENCH_DATA: NPZ: none of its arrays (pictures, kinds) has a usual name of inputs ' +
      '(x_test, test_images, inputs, images, x, X, data, arr_0); set columns.inputs (--columns)',
  )
})

test('a table of images has the class names of its metadata', async () => {
  const path = join(temporaryFolder(), 'data.parquet')
  writeFileSync(path, Buffer.from(parquetSample, 'base64'))
  const data = await load(path, { bounds: [0, 255] })
  expect([data.shape, data.classNames]).toEqual([
    [1, 1, 2],
    ['cat', 'dog'],
  ])
  expect(data.labels).toEqual(Int32Array.of(1, 0))
  expect([...data.rows([0, 1]).data]).toEqual([10, 20, 30, 40])
  writeFileSync(path, 'PAR1')
  expect(await errorOf(() => load(path), { PATH: path })).toMatch(
    /^ROBENCH_DATA: PATH: cannot be read as Parquet/,
  )
})

test('a description names files with checksums, and is no private data', async () => {
  const images = imageFolder({ 'cat/a.png': 51, 'dog/x.png': 255 })
  const path = join(dirname(images), 'pets.json')
  const description = {
    id: 'my-pets',
    title: 'My pets',
    files: { images: await hashOfPath(images) },
    classNames: ['cat', 'dog'],
    bounds: [0, 255],
  }
  writeFileSync(path, JSON.stringify(description))
  const data = await load(path)
  expect(data).toMatchObject({ id: 'my-pets', title: 'My pets', classes: 2, bounds: [0, 255] })
  expect(data.rows([0]).data[0]).toBe(51)
  writeFileSync(join(images, 'cat/b.png'), '')
  expect(await errorOf(() => load(path), { DIR: dirname(images) })).toMatch(
    /^ROBENCH_DATA: DIR\/images: expected sha256 [0-9a-f]{64}, got [0-9a-f]{64}: damaged or another file$/,
  )
  writeFileSync(path, JSON.stringify({ ...description, id: 'cifar10' }))
  expect(await errorOf(() => load(path), { PATH: path })).toBe(
    'ROBENCH_DATA: PATH#/id: "cifar10" is a built-in data set; choose another id',
  )
})
