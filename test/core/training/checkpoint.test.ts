/** A checkpoint is taken up whole or not at all. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  readCheckpoint,
  writeCheckpoint,
  type Checkpoint,
} from '../../../core/training/checkpoint.ts'
import { randomTensor } from '../../support/onnx-file.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'robench-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const checkpoint: Checkpoint = {
  training: 'abc',
  epoch: 2,
  facts: { records: [{ epoch: 1, loss: 0.1 }], text: 'line\nbreak' },
  tensors: new Map([
    ['weight/a', randomTensor([3, 2], 'a')],
    ['weight/ü', randomTensor([], 'b')],
    ['empty', randomTensor([0, 4], 'c')],
  ]),
}

test('what is written is read, bit for bit', () => {
  const path = join(folder, 'new', 'checkpoint.bin')
  writeCheckpoint(path, checkpoint)
  expect(readCheckpoint(path, 'abc')).toEqual(checkpoint)
  writeCheckpoint(path, { ...checkpoint, epoch: 3 })
  expect(readCheckpoint(path, 'abc')?.epoch).toBe(3)
})

test('that of another training is not taken up, and none is no error', () => {
  const path = join(folder, 'other.bin')
  expect(readCheckpoint(path, 'abc')).toBeUndefined()
  writeCheckpoint(path, checkpoint)
  expect(readCheckpoint(path, 'abd')).toBeUndefined()
})

test('a damaged one is not taken up, wherever it is cut or changed', () => {
  const path = join(folder, 'damaged.bin')
  writeCheckpoint(path, checkpoint)
  const whole = readFileSync(path)
  for (let length = 0; length < whole.length; length += 7) {
    writeFileSync(path, whole.subarray(0, length))
    expect(readCheckpoint(path, 'abc')).toBeUndefined()
  }
  const changed = Buffer.from(whole)
  changed[whole.length - 1]! ^= 1
  writeFileSync(path, changed)
  expect(readCheckpoint(path, 'abc')).toBeUndefined()
  writeFileSync(path, 'null\n')
  expect(readCheckpoint(path, 'abc')).toBeUndefined()
})

test('a folder that cannot be made is said', () => {
  const file = join(folder, 'file')
  writeFileSync(file, '')
  expect(() => writeCheckpoint(join(file, 'checkpoint.bin'), checkpoint)).toThrow(
    /checkpoint\.bin: cannot write the checkpoint \(.*; free space or choose another folder/s,
  )
})
