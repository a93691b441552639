/** The shipped example that trains a model. */
import { expect, test } from 'vitest'
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import { packageRoot } from '../../core/base/paths.ts'
import { node, projectPath, useProject } from './project.ts'

useProject()

test('a program trains a model and evaluates it', async () => {
  const output = await node('program', 'train-and-evaluate.mjs', 'robust.onnx', '1')
  expect(output).toMatch(/^epoch 1: loss [\d.]+\nclean 0\.\d+, robust 0\.?\d* \(0/)
})

test('the defense plugin trains its two defenses', async () => {
  const suite = {
    id: 'examples',
    title: 'Examples',
    dataset: { id: 'quickstart' },
    threatModels: [{ norm: 'Linf', epsilon: '4/255' }],
    plugins: ['./defense-plugin'],
    defenses: [
      { name: 'mean', plugin: 'example/nearest-mean' },
      { name: 'smooth', plugin: 'example/smooth-neighbors', options: { epochs: 2 } },
    ],
    attacks: [{ plugin: 'fgsm' }],
  }
  writeFileSync(projectPath('suite.json'), JSON.stringify(suite))
  const main = join(packageRoot(), 'dist', 'cli', 'main.js')
  const output = await node('.', main, 'run', 'suite.json', '--limit', '100', '--no-checks')
  expect(output).toMatch(/mean +\d+\.00 %/)
  expect(output).toMatch(/smooth +\d+\.00 %/)
})
