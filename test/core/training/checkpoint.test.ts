/** A checkpoint is read whole or not at all. */
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

test('a checkpoint that was written is read bit for bit', async () => {
  const path = join(folder, 'new', 'checkpoint.bin')
  await writeCheckpoint(path, checkpoint)
  expect(readCheckpoint(path, 'abc')).toEqual(checkpoint)
  await writeCheckpoint(path, { ...checkpoint, epoch: 3 })
  expect(readCheckpoint(path, 'abc')?.epoch).toBe(3)
})

test('a checkpoint of another training, or a missing one, reads as undefined', async () => {
  const path = join(folder, 'other.bin')
  expect(readCheckpoint(path, 'abc')).toBeUndefined()
  await writeCheckpoint(path, checkpoint)
  expect(readCheckpoint(path, 'abd')).toBeUndefined()
})

test('a checkpoint that was cut or changed anywhere reads as undefined', async () => {
  const path = join(folder, 'damaged.bin')
  await writeCheckpoint(path, checkpoint)
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

test('a directory that cannot be created is an error of the store', async () => {
  const file = join(folder, 'file')
  writeFileSync(file, '')
  const path = join(file, 'checkpoint.bin')
  await expect(writeCheckpoint(path, checkpoint)).rejects.toMatchObject({
    code: 'ROBENCH_STORE',
    message: expect.stringContaining(`${path}: cannot be written: `),
  })
})
