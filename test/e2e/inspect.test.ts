/** The exit code of `robench inspect` says whether robench can evaluate the file. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { writeOnnx } from '../../core/engine/onnx/file.ts'
import { node, onnxGraph, randomTensor } from '../support/onnx-file.ts'
import { robench, temporaryFolder } from './support/cli.ts'

test.each([
  ['MatMul', 0, 'gradient       available'],
  ['NoSuchOperator', 1, 'gradient       not available: '],
])('a file with %s', async (operator, code, text) => {
  const folder = temporaryFolder()
  const graph = onnxGraph({
    input: ['n', 3, 4, 4],
    nodes: [node('Flatten', 'x', 'f'), node(operator, 'f v', 'y')],
    initializers: { v: randomTensor([48, 5], 'v') },
  })
  writeFileSync(join(folder, 'm.onnx'), writeOnnx(graph))
  const run = await robench(folder, 'inspect', 'm.onnx')
  expect(run.stdout).toContain(text)
  expect(run.code).toBe(code)
})
