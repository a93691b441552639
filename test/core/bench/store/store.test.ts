import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { storeError, writeFileAtomic } from '../../../../core/base/atomic-file.ts'
import {
  ResultStore,
  readCompleted,
  readUnits,
  resultsFolder,
  unitFile,
} from '../../../../core/bench/store/store.ts'
import { unitsOf } from '../../../../core/bench/plan/cell.ts'
import type { CleanCell, Unit } from '../../../../core/bench/plan/cell.ts'
import { decodeUnit, encodeUnit } from '../../../../core/bench/store/unit-file.ts'

const cell: CleanCell = {
  kind: 'clean',
  software: { robench: '1.0.0', onnxruntime: '1.30.0' },
  device: 'cpu',
  defense: { plugin: 'p', version: 1, options: {}, model: 'm' },
  dataset: { id: 'toy', sha256: 'd' },
  examples: 4,
}
const unit: Unit = unitsOf(cell)[0]!
const outcome = { outcomes: '1011', forwardPasses: 4, backwardPasses: 0, elapsedMs: 3 }

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'robench-store-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

test('written units exist after reopening', async () => {
  const path = folder()
  const store = await ResultStore.open(path)
  await store.write(unit, outcome)
  await store.close()
  const again = await ResultStore.open(path)
  expect(again.outcome(unit.id)).toEqual(outcome)
  expect(again.has('another')).toBe(false)
})

test('outcomes of stages are saved', async () => {
  const path = folder()
  const store = await ResultStore.open(path)
  const stages = [{ name: 'first', outcomes: 'rrbw' }]
  const staged = { ...outcome, outcomes: 'rbbw', stages }
  await store.write(unit, staged)
  expect((await readCompleted(path)).get(unit.id)).toEqual(staged)
  await store.write(unit, { ...staged, stages: [{ name: 'first', outcomes: 'rr' }] })
  expect((await readUnits(path)).damaged).toEqual([
    `${unitFile(path, unit.id)} does not have one outcome per example`,
  ])
})

test('fresh deletes saved units', async () => {
  const path = folder()
  const store = await ResultStore.open(path)
  await store.write(unit, outcome)
  await store.close()
  const again = await ResultStore.open(path, { fresh: true })
  expect(again.has(unit.id)).toBe(false)
})

test.for<[string, (text: string) => string]>([
  ['truncated', (text) => text.slice(0, -20)],
  ['empty', () => ''],
  ['that of another unit', (text) => text.replace(unit.id, '0'.repeat(64))],
  ['lacking an outcome', (text) => text.replace('"1011"', '"101"')],
  ['damaged by an unknown character', (text) => text.replace('"1011"', '"10x1"')],
  ['a mix of clean and attack outcomes', (text) => text.replace('"1011"', '"10wr"')],
])('a unit file is not used and is listed if it is %s', async ([, damage]) => {
  const path = folder()
  const store = await ResultStore.open(path)
  await store.write(unit, outcome)
  await store.close()
  const file = unitFile(path, unit.id)
  writeFileSync(file, damage(readFileSync(file, 'utf8')))
  const again = await ResultStore.open(path)
  expect(again.has(unit.id)).toBe(false)
  expect(again.damaged).toEqual([
    `${file} is damaged: the checksum in its first line does not match its content`,
  ])
})

test('a unit file of an older version is named as such', async () => {
  const path = folder()
  mkdirSync(join(path, 'units'))
  writeFileSync(unitFile(path, unit.id), '{\n "schemaVersion": 1,\n "id": "x"\n}\n')
  expect((await readUnits(path)).damaged[0]).toMatch('was written by an older version of robench')
})

test('every flipped bit of a unit file is noticed', () => {
  const { bytes } = encodeUnit(unit, { ...outcome, draws: { count: 3, correct: [1, 2, 3, 0] } })
  const copy = Uint8Array.from(bytes)
  const missed: number[] = []
  for (let bit = 0; bit < 8 * copy.length; bit++) {
    copy[bit >> 3]! ^= 1 << (bit & 7)
    if (typeof decodeUnit(copy, unit.id) !== 'string') missed.push(bit)
    copy[bit >> 3]! ^= 1 << (bit & 7)
  }
  expect(8 * copy.length).toBeGreaterThan(5000)
  expect(missed).toEqual([])
  expect(decodeUnit(copy, unit.id)).toMatchObject({ id: unit.id, outcome: { outcomes: '1011' } })
})

test.each([
  [{ forwardPasses: 'many' }, '/forwardPasses: must be a number, got "many"'],
  [{ elapsedMs: -1 }, '/elapsedMs: must be >= 0, got -1'],
  [{ checks: [{ id: 'x' }] }, '/checks/0: missing key "title"'],
  [{ outcomes: '10x1' }, '/outcomes: must be of the form ^(?:[01]*|[wrb]*)$, got "10x1"'],
])('an outcome with %j is of another form, with any checksum', (more, message) => {
  const { bytes } = encodeUnit(unit, { ...outcome, ...more } as typeof outcome)
  expect(decodeUnit(bytes, unit.id)).toBe(`has an outcome of another form: ${message}`)
})

test('an outcome has one value per example, and no more correct draws than draws', () => {
  const read = (more: object): unknown =>
    decodeUnit(encodeUnit(unit, { ...outcome, ...more }).bytes, unit.id)
  expect(read({ correct: '01' })).toBe('does not have one outcome per example')
  expect(read({ draws: { count: 2, correct: [1, 2, 3, 0] } })).toBe(
    'has more correct draws of an example than draws',
  )
})

test('the cell inside is held against the name of the file', () => {
  const other = { ...cell, device: 'cuda' }
  const lie = { ...unit, cell: other }
  expect(decodeUnit(encodeUnit(lie, outcome).bytes, unit.id)).toBe(
    'contains another unit than its name says',
  )
  expect(decodeUnit(encodeUnit(unit, outcome).bytes, unitsOf(other)[0]!.id)).toBe(
    'contains another unit than its name says',
  )
})

test.for(['robench', 'onnxruntime'] as const)(
  'a unit of another version of %s is another unit',
  (part) => {
    const upgraded = { ...cell, software: { ...cell.software, [part]: '9.9.9' } }
    expect(unitsOf(upgraded)[0]!.id).not.toBe(unit.id)
  },
)

test('one checksum covers all units, in any order', async () => {
  const store = await ResultStore.open(folder())
  const second = unitsOf({ ...cell, device: 'cuda' })[0]!
  await store.write(unit, outcome)
  await store.write(second, outcome)
  const both = store.evidence([unit.id, second.id])
  expect(both.count).toBe(2)
  expect(store.evidence([second.id, unit.id, 'open'])).toEqual(both)
  await store.write(unit, { ...outcome, outcomes: '1111' })
  expect(store.evidence([unit.id, second.id]).sha256).not.toBe(both.sha256)
})

test('a temporary file is not a unit', async () => {
  const path = folder()
  mkdirSync(join(path, 'units'))
  writeFileSync(`${unitFile(path, unit.id)}.1234.tmp`, '{"schemaVersion": 1')
  expect((await readCompleted(path)).size).toBe(0)
})

test('a failed write leaves only the old file', async () => {
  const path = folder()
  const file = join(path, 'a.json')
  await writeFileAtomic(file, 'old')
  mkdirSync(join(path, 'b.json'))
  await expect(writeFileAtomic(join(path, 'b.json'), 'new')).rejects.toThrow('cannot be written')
  expect(readFileSync(file, 'utf8')).toBe('old')
  expect(readdirSync(path).toSorted()).toEqual(['a.json', 'b.json'])
})

test('the message for a full disk says what to do', () => {
  const cause = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  expect(storeError('results/x.json', cause)).toMatchInlineSnapshot(
    `[RunError: results/x.json: cannot be written: the disk is full; free some space and run the same command again (completed work is saved)]`,
  )
})

test('the directory is named after the suite, its hash, and a device other than the CPU', () => {
  const suite = { id: 'mini', sha256: '0123456789' }
  expect(resultsFolder('results', suite)).toBe(join('results', 'mini-01234567'))
  const named = ['cpu', 'cpu/float16', 'cuda:1', 'cuda/float16', 'tfjs'].map((device) =>
    basename(resultsFolder('results', { ...suite, device })),
  )
  expect(named).toEqual([
    'mini-01234567',
    'mini-01234567-cpu-float16',
    'mini-01234567-cuda',
    'mini-01234567-cuda-float16',
    'mini-01234567-tfjs',
  ])
})
