/** Pipes, sockets, devices, and directories in place of files: refused, and never opened. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { RobenchError } from '../../core/base/errors.ts'
import { mergeParts } from '../../core/bench/execute/merge-parts.ts'
import { readPart } from '../../core/bench/execute/part-file.ts'
import { readResult } from '../../core/bench/result/read-result.ts'
import { readPoints } from '../../core/bench/store/adversarials.ts'
import { takeLock } from '../../core/bench/store/lock.ts'
import { readUnits } from '../../core/bench/store/store.ts'
import { loadSuite } from '../../core/bench/suite/load.ts'
import { hashOfPath, readDescription } from '../../core/data/describe.ts'
import { loadPair, loadPath } from '../../core/data/load-own.ts'
import { readOnnxFile } from '../../core/engine/onnx/external-data.ts'
import { readModelFile } from '../../core/model/model-files.ts'
import { readEntry } from '../../leaderboard/entry.ts'
import { trainingRecord } from '../../plugins/defenses/onnx-model/training-record.ts'
import { tinyModel } from '../e2e/support/tiny-problem.ts'

let folder = ''
const server = createServer()

/** Makes what is in place of the file. */
const places: Readonly<Record<string, (path: string) => void | Promise<void>>> = {
  pipe: (path) => void execFileSync('mkfifo', [path]),
  device: (path) => symlinkSync('/dev/zero', path),
  directory: (path) => mkdirSync(path),
  socket: (path) => new Promise<void>((done) => void server.listen(path, done)),
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'robench-special-'))
})
afterAll(() => {
  server.close()
  rmSync(folder, { recursive: true, force: true })
})

type Read = (path: string) => unknown
const request = { split: 'test' } as const

/** Readers by the name of their file. */
const readers: Readonly<Record<string, Read>> = {
  'suite.json': (path) => loadSuite(path),
  'suite.yaml': (path) => loadSuite(path),
  'other/result.json': (path) => readResult(path),
  'result.json': (path) => readResult(join(path, '..')),
  'entry.json': (path) => readEntry(path),
  'shard.json': (path) => readPart(join(path, '..')),
  'model.onnx': (path) => readOnnxFile(path),
  'card.onnx.json': (path) => {
    const model = path.slice(0, -'.json'.length)
    writeFileSync(model, tinyModel())
    return readModelFile(model, 'here')
  },
  'data.npz': (path) => loadPath(path, request),
  'data.parquet': (path) => loadPath(path, request),
  'data.json': (path) => loadPath(path, request),
  'description.json': (path) => readDescription(path),
  'x.npy': (path) => loadPair(path, path, request),
  'points.npz': (path) => readPoints(path),
}

const cases = ['pipe', 'device', 'directory'].flatMap((place) =>
  Object.keys(readers)
    // A directory is looked through for a result.
    .filter((name) => !(place === 'directory' && name.endsWith('result.json')))
    .map((name) => ({ place, name })),
)

async function messageOf(read: () => unknown): Promise<string> {
  try {
    await read()
    return 'read'
  } catch (error) {
    return error instanceof RobenchError ? error.message : `not refused: ${String(error)}`
  }
}

test.each([...cases, { place: 'socket', name: 'model.onnx' }])(
  'a $place in place of $name',
  async ({ place, name }) => {
    const own = mkdtempSync(join(folder, 'case-'))
    const path = join(own, name)
    mkdirSync(join(path, '..'), { recursive: true })
    await places[place]!(path)
    const message = await messageOf(() => readers[name]!(path))
    const isFolder = place === 'directory' && ['data.npz', 'data.parquet'].includes(name)
    expect(message).toMatch(
      isFolder ? /expected one directory of images/ : new RegExp(`expected .*, got a ${place}$`),
    )
  },
)

test('a pipe in place of a saved chunk is damage, and one in place of a lock is stale', async () => {
  const results = mkdtempSync(join(folder, 'results-'))
  mkdirSync(join(results, 'units'))
  const unit = join(results, 'units', 'a.json')
  execFileSync('mkfifo', [unit, join(results, 'lock')])
  expect(await readUnits(results)).toEqual({
    units: new Map(),
    damaged: [`${unit} cannot be read: expected a file, got a pipe`],
  })
  const release = await takeLock(join(results, 'lock'))
  await release()
})

test('a pipe beside a model is no training record', async () => {
  const model = join(folder, 'm.onnx')
  execFileSync('mkfifo', [`${model}.json`])
  expect(await trainingRecord(model, tinyModel())).toBeUndefined()
})

test('merge and describe name what is no directory', async () => {
  const merge = (path: string): Promise<string> =>
    messageOf(() => mergeParts({ folders: [path], resultsFolder: folder }))
  expect(await merge('/dev/null')).toBe('/dev/null: expected a results directory, got a device')
  expect(await merge('/no/such')).toBe('/no/such: not found')
  expect(await messageOf(() => hashOfPath('/dev/null'))).toBe(
    '/dev/null: expected a file or a directory, got a device',
  )
})

test('entries of /proc and pipes among the directories of a folder of images', async () => {
  const images = mkdtempSync(join(folder, 'images-'))
  execFileSync('mkfifo', [join(images, 'pipe')])
  symlinkSync('/dev/null', join(images, 'device'))
  expect(await messageOf(() => loadPath(images, request))).toBe(
    `${images}: expected one directory of images for each class, got none`,
  )
})
