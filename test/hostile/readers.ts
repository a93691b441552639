/** Every reader of files from strangers, with valid content to damage. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { zipSync } from 'fflate'
import { dump } from 'npyjs'
import { PNG } from 'pngjs'
import { create } from 'tar'
import { hashBytes, hashJson } from '../../core/base/hash.ts'
import { parseJsonText, parseYamlText } from '../../core/base/json-file.ts'
import { planOfPart, readPart } from '../../core/bench/execute/part-file.ts'
import { cleanCellOf, unitsOf } from '../../core/bench/plan/cell.ts'
import type { AttackCell } from '../../core/bench/plan/cell.ts'
import { parseVnnlib } from '../../core/bench/property/vnnlib.ts'
import { readJob, readOutcome } from '../../core/bench/queue/message.ts'
import { checkResult } from '../../core/bench/result/read-result.ts'
import { readPoints } from '../../core/bench/store/adversarials.ts'
import { decodeUnit, encodeUnit } from '../../core/bench/store/unit-file.ts'
import { checkSuite } from '../../core/bench/suite/load.ts'
import { readDescription } from '../../core/data/describe.ts'
import { decodeCifarBinary } from '../../core/data/formats/cifar-binary.ts'
import { parseIdx } from '../../core/data/formats/idx.ts'
import { readMat5 } from '../../core/data/formats/mat5.ts'
import { parseNpy } from '../../core/data/formats/npy.ts'
import { readNpz } from '../../core/data/formats/npz.ts'
import { readParquet } from '../../core/data/formats/parquet.ts'
import { decodeImage } from '../../core/data/images/decode.ts'
import { packDataset, unpackDataset } from '../../core/data/packed.ts'
import { memoryDataset } from '../../core/data/memory-dataset.ts'
import { inspectFile } from '../../core/data/published.ts'
import { unpackTar } from '../../core/data/sources/unpack-tar.ts'
import { readOnnx } from '../../core/engine/onnx/file.ts'
import { readModelFile } from '../../core/model/model-files.ts'
import { checkEntry } from '../../leaderboard/entry.ts'
import { idxFile, jpegSample, matFile, parquetSample } from '../core/data/fixtures.ts'
import { tinyModel } from '../e2e/support/tiny-problem.ts'
import { boardEntry } from '../leaderboard/fixture.ts'
import { typicalResult } from '../reports/fixture.ts'

/** A reader of bytes that may be anything. */
export interface Reader {
  readonly name: string
  /** True if the content is text. */
  readonly isText: boolean
  /** Content that it reads. */
  readonly valid: Uint8Array
  /** Reads, or refuses with a RobenchError. */
  read(bytes: Uint8Array): unknown
  /** A changed document with the hashes that belong to it. */
  seal?(document: unknown): unknown
}

const hash = 'a'.repeat(64)

const attackCell: AttackCell = {
  kind: 'attack',
  software: { robench: '1.0.0', onnxruntime: '1.0.0' },
  device: 'cpu',
  defense: { plugin: 'p', version: 1, options: {}, model: hash },
  dataset: { id: 'toy', sha256: hash },
  examples: 3,
  threatModel: { norm: 'Linf', epsilon: 0.1, bounds: [0, 1] },
  attack: { plugin: 'fgsm', version: 1, options: {} },
  seed: 0,
}

/** A small suite. */
export const suite = {
  id: 'small',
  title: 'Small',
  dataset: { id: 'quickstart' },
  threatModels: [{ norm: 'Linf', epsilon: '8/255', curve: ['4/255'] }],
  defenses: [{ name: 'd', plugin: 'standard', model: 'm.onnx', options: {} }],
  attacks: [{ plugin: 'pgd', matrix: { steps: [1, 2] }, options: { restarts: 1 } }],
  seeds: [0, 1],
}

const shared = {
  suite: {
    loaded: { suite, sha256: hash },
    packages: [],
    examples: 3,
    dataset: { id: 'toy', title: 'Toy', hash, toy: true, total: 3 },
    attacks: [{ plugin: 'fgsm', facts: { knowledge: 'white-box', surrogates: false } }],
  },
  rows: [
    {
      row: { threatModel: attackCell.threatModel, defense: { ...attackCell.defense, name: 'd' } },
      cells: [
        { name: '', cell: cleanCellOf(attackCell) },
        { name: 'fgsm', cell: attackCell },
      ],
    },
  ],
  saveAdversarial: false,
}

const part = {
  schemaVersion: 1,
  part: { index: 1, count: 2 },
  plan: hashJson(shared),
  shared,
  errors: {},
  startedAt: '2026-01-01T00:00:00Z',
  finishedAt: '2026-01-01T00:00:01Z',
  environment: {
    node: 'v20',
    onnxruntime: '1',
    platform: 'p',
    cpu: 'c',
    device: 'cpu',
    workers: 1,
  },
}

const [unit] = unitsOf(attackCell)
const stored = encodeUnit(unit!, {
  outcomes: 'wrb',
  forwardPasses: 3,
  backwardPasses: 1,
  elapsedMs: 1,
})

const job = {
  version: 1,
  label: 'attack',
  limits: { label: 'attack "pgd"', timeLimitMs: 1000 },
  software: attackCell.software,
  packages: [],
  data: { test: hash },
  job: {
    kind: 'unit',
    setting: { plugins: [], dataset: { id: 'toy', sha256: hash }, device: 'cpu', threads: 1 },
    unit: unit!,
    model: { sha256: hash, label: 'm', manifest: { bounds: [0, 1], layout: 'NCHW' } },
    batchSize: 2,
    timeLimitMs: 1000,
  },
}
const outcome = { version: 1, worker: 'w', outcome: { state: 'completed', value: {} } }

const property = `; a box
(declare-const X_0 Real)
(declare-const Y_0 Real)
(declare-const Y_1 Real)
(assert (<= X_0 0.5))
(assert (>= X_0 -1e-3))
(assert (or (and (>= Y_0 (+ Y_1 0.1))) (<= (* 2 Y_0) 1)))
`

const yaml = `id: small
title: "Small" # a comment
dataset: {id: quickstart}
threatModels:
  - &t
    norm: Linf
    epsilon: 8/255
defenses: [{name: d, plugin: standard}]
attacks:
  - plugin: pgd
    options: {steps: 3}
`

const picture = new PNG({ width: 3, height: 2 })
picture.data.fill(200)

const tiny = memoryDataset({
  id: 'toy',
  title: 'Toy',
  split: 'test',
  toy: true,
  shape: [1, 2, 2],
  classNames: ['a', 'b'],
  pixels: Uint8Array.from({ length: 8 }, (_, i) => i),
  labels: Int32Array.of(0, 1),
})

const encode = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value, undefined, 1))
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** Calls a reader of files with a file of these bytes in a directory of its own. */
async function inFile<T>(
  name: string,
  bytes: Uint8Array,
  read: (path: string, folder: string) => T | Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'robench-hostile-'))
  try {
    const path = join(folder, name)
    writeFileSync(path, bytes)
    return await read(path, folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function tarball(): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'robench-hostile-'))
  try {
    writeFileSync(join(folder, 'a.bin'), Uint8Array.of(1, 2, 3))
    const chunks = create({ sync: true, cwd: folder, portable: true }, ['a.bin']).read()
    return gzipSync(chunks!)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const published = {
  name: 'x.gz',
  bytes: 4,
  digest: { algorithm: 'sha256' as const, value: hashBytes(Uint8Array.of(1, 2, 3, 4)) },
}

const arrays = {
  'x.npy': new Uint8Array(dump(new Float32Array(8).fill(0.5), [2, 1, 2, 2])),
  'y.npy': new Uint8Array(dump(Int32Array.of(0, 1), [2])),
}
const points = {
  'x_adv.npy': arrays['x.npy'],
  'indices.npy': arrays['y.npy'],
  'labels.npy': arrays['y.npy'],
}

/** The readers of text. */
const textReaders: readonly Reader[] = [
  json('suite', suite, (value) => checkSuite(value, 'suite.json', '.')),
  {
    name: 'suite in YAML',
    isText: true,
    valid: encode(yaml),
    read: (bytes) => checkSuite(parseYamlText(decode(bytes), 'suite.yaml'), 'suite.yaml', '.'),
  },
  json('result', typicalResult(), (value) => checkResult(value, 'result.json')),
  json('entry', boardEntry('d', [7000, 4000, 3000]), (value) => checkEntry(value, 'entry.json')),
  {
    name: 'description of data',
    isText: true,
    valid: encode({ id: 'mine', title: 'Mine', files: { 'x.npz': hash } }),
    read: (bytes) =>
      inFile('d.json', bytes, async (path) => {
        // The file that it names does not exist: what follows is refused.
        await readDescription(path).catch((error: unknown) => {
          if (!String(error).includes('x.npz: not found')) throw error
        })
      }),
  },
  {
    name: 'card of a model',
    isText: true,
    valid: encode({ manifest: { bounds: [0, 1], layout: 'NCHW' } }),
    read: (bytes) =>
      inFile('m.onnx.json', bytes, (_path, folder) => {
        writeFileSync(join(folder, 'm.onnx'), tinyModel())
        return readModelFile(join(folder, 'm.onnx'), 'here')
      }),
  },
  {
    name: 'shard',
    isText: true,
    valid: encode(part),
    seal: (document) => {
      const { shared: changed } = Object(document) as { shared?: unknown }
      return { ...Object(document), plan: hashJson(changed ?? null) }
    },
    read: (bytes) => inFile('shard.json', bytes, (_path, folder) => planOfPart(readPart(folder)!)),
  },
  json('job of a queue', job, (value) => readJob({ text: JSON.stringify(value) }, undefined)),
  json('outcome of a queue', outcome, (value) =>
    readOutcome({ text: JSON.stringify(value) }, '', undefined),
  ),
  {
    name: 'VNN-LIB property',
    isText: true,
    valid: encode(property),
    read: (bytes) => parseVnnlib(decode(bytes), 'p.vnnlib'),
  },
]

/** A reader of JSON in memory. */
function json(name: string, valid: unknown, check: (value: unknown) => unknown): Reader {
  return {
    name,
    isText: true,
    valid: encode(valid),
    read: (bytes) => check(parseJsonText(decode(bytes), 'file.json')),
  }
}

/** The readers of other formats. */
const binaryReaders: readonly Reader[] = [
  binary('unit of a store', stored.bytes, (bytes) => {
    const read = decodeUnit(bytes, unit!.id)
    if (typeof read !== 'string') return read
    throw new Refusal(read)
  }),
  binary('npy', arrays['x.npy'], (bytes) => parseNpy(bytes.slice().buffer, 'x.npy')),
  binary('npz', zipSync(arrays), (bytes) => inFile('x.npz', bytes, (path) => readNpz(path))),
  binary('adversarial examples', zipSync(points), (bytes) =>
    inFile('p.npz', bytes, (path) => readPoints(path)),
  ),
  binary('parquet', Buffer.from(parquetSample, 'base64'), (bytes) =>
    inFile('x.parquet', bytes, async (path) => {
      const { decode: decodeRow, labels } = await readParquet(path)
      for (const row of labels.keys()) await decodeRow(row)
    }),
  ),
  binary('PNG', PNG.sync.write(picture), (bytes) => decodeImage(bytes, 'x.png')),
  binary('JPEG', Buffer.from(jpegSample, 'base64'), (bytes) => decodeImage(bytes, 'x.jpg')),
  binary('CIFAR batch', new Uint8Array(2 * 3073), (bytes) =>
    decodeCifarBinary([{ path: 'b.bin', bytes }]),
  ),
  binary('IDX', idxFile([2, 2, 2], Array(8).fill(7)), (bytes) =>
    parseIdx({ path: 'x-ubyte', bytes }, 3),
  ),
  binary(
    'MATLAB',
    matFile([{ name: 'y', shape: [2, 1], data: Uint8Array.of(1, 2) }], { compressed: true }),
    (bytes) => readMat5({ path: 'x.mat', bytes }),
  ),
  binary('packed data set', packDataset(tiny), (bytes) => unpackDataset(bytes, 'packed').rows([0])),
  binary('gzip', gzipSync(Uint8Array.of(1, 2, 3, 4)), (bytes) =>
    inFile('x.gz', bytes, async (path) => {
      const found = await inspectFile(path, published)
      if (found.state === 'wrong') throw new Refusal(found.problem)
    }),
  ),
  binary('tarball', tarball(), (bytes) =>
    inFile('x.tgz', bytes, (path, work) =>
      unpackTar({ path, work, strip: 0, mostBytes: () => 1000 }),
    ),
  ),
  binary('ONNX', tinyModel(), (bytes) => readOnnx(bytes, 'm.onnx')),
]

/** What a reader says of a file that it does not use, without an error. */
export class Refusal extends Error {}

function binary(name: string, valid: Uint8Array, read: Reader['read']): Reader {
  return { name, isText: false, valid: new Uint8Array(valid), read }
}

/** All readers. */
export const readers: readonly Reader[] = [...textReaders, ...binaryReaders]

/** Those of JSON. */
export const jsonReaders = textReaders.filter(({ valid }) => valid[0] === '{'.charCodeAt(0))
