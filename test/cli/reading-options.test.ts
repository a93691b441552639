/** How `inspect` and `grad` read a file: as `eval` does. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readFileToLoad } from '../../cli/reading-options.ts'
import { writeOnnx } from '../../core/engine/onnx/file.ts'
import { node, onnxGraph } from '../support/onnx-file.ts'

test('a normalization needs mean and std, named as typed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'robench-reading-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'm.onnx')
  await writeFile(path, writeOnnx(onnxGraph({ input: ['n', 4], nodes: [node('Relu', 'x', 'y')] })))
  await expect(readFileToLoad(path, { std: [0.5] })).rejects.toThrow(
    '--mean: missing, but --std is set; a normalization needs both (0 and 1 change nothing)',
  )
  const { manifest } = await readFileToLoad(path, { mean: [0], std: [0.5] })
  expect(manifest).toMatchObject({ mean: [0], std: [0.5] })
})

test('a missing model is an error about the path alone', async () => {
  await expect(readFileToLoad('none.onnx', {})).rejects.toThrow(
    /^model: none\.onnx does not exist; check the path$/,
  )
})
