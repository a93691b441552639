/** The shipped example that trains a model. */
import { expect, test } from 'vitest'
import { node, useProject } from './project.ts'

useProject()

test('a program trains a model and evaluates it', async () => {
  const output = await node('program', 'train-and-evaluate.mjs', 'robust.onnx', '1')
  expect(output).toMatch(/^epoch 1: loss [\d.]+\nclean 0\.\d+, robust 0\.?\d* \(0/)
})
