/** Archives of arrays come back bit for bit, and damage is noticed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { randomStream } from '../../../../core/base/random.ts'
import { readNpz, writeNpz } from '../../../../core/bench/store/npz-file.ts'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'robench-npz-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

const stream = randomStream('npz')
const values = Float32Array.from({ length: 60 }, () => stream.normal())
values[3] = -0
values[4] = 1e-45

async function write(path: string): Promise<void> {
  await writeNpz(path, [
    {
      name: 'x_adv',
      dtype: 'float32',
      shape: [5, 3, 2, 2],
      pieces: [values.subarray(0, 24), values.subarray(24)],
    },
    { name: 'indices', dtype: 'int32', shape: [5], pieces: [Int32Array.of(4, 3, 2, 1, -7)] },
  ])
}

test('arrays come back bit for bit, and equal arrays give equal files', async () => {
  const path = join(folder(), 'deep', 'a.npz')
  await write(path)
  const first = readFileSync(path)
  const arrays = await readNpz(path)
  const points = arrays.get('x_adv')!
  expect(points.shape).toEqual([5, 3, 2, 2])
  expect(points.data).toBeInstanceOf(Float32Array)
  const bytes = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer =>
    Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)
  expect(bytes(points.data).equals(bytes(values))).toBe(true)
  expect([...(arrays.get('indices')!.data as Int32Array)]).toEqual([4, 3, 2, 1, -7])
  await write(path)
  expect(readFileSync(path).equals(first)).toBe(true)
})

test('a changed byte of the content is noticed', async () => {
  const path = join(folder(), 'a.npz')
  await write(path)
  const bytes = readFileSync(path)
  bytes[150]! ^= 4
  writeFileSync(path, bytes)
  await expect(readNpz(path)).rejects.toThrow(`${path}: x_adv.npy is damaged`)
})

test('another file is refused with advice', async () => {
  const path = join(folder(), 'a.npz')
  writeFileSync(path, 'not an archive')
  await expect(readNpz(path)).rejects.toThrow('expected an .npz archive, written with numpy.savez')
})
