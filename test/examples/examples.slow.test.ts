/** The shipped examples work in a project that has robench installed. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../../core/base/paths.ts'
import { model, node, useProject } from './project.ts'

useProject()

/** Runs `robench eval` on 50 examples with a plugin of the project. */
function evaluatePlugin(plugin: string, attack: string): Promise<string> {
  const main = join(packageRoot(), 'dist', 'cli', 'main.js')
  const threatModel = ['--norm', 'Linf', '--epsilon', '8/255']
  const words = ['--data', 'quickstart', '--limit', '50', '--no-checks', ...threatModel]
  return node('.', main, 'eval', model, ...words, '--plugin', `./${plugin}`, '--attack', attack)
}

test('a program of ten lines attacks an ONNX file', async () => {
  const output = await node('program', 'attack-an-onnx-file.mjs', model, 'quickstart')
  expect(output).toBe('clean 0.95, robust 0.06\n')
})

test('a program runs one attack on arrays', async () => {
  const output = await node('program', 'one-attack-on-arrays.mjs', model)
  expect(output).toMatch(/^Projected gradient descent: b[rb], \d+ forward passes\n$/)
})

test('the attack plugin passes its own test', async () => {
  const output = await node('attack-plugin', '--test', '--test-reporter=spec', 'test.js')
  expect(output).toMatch(/example\/one-step: its meta/)
  expect(output).toMatch(/pass 22\n/)
  expect(output).toMatch(/fail 0\n/)
})

test.each(['example/one-step', 'example/random-corner'])('%s runs', async (attack) => {
  expect(await evaluatePlugin('attack-plugin', attack)).toContain(attack)
})

test('the TypeScript attack compiles against the published types and runs', async () => {
  const compiler = join(packageRoot(), 'node_modules', 'typescript', 'bin', 'tsc')
  expect(await node('attack-plugin-typescript', compiler)).toBe('')
  const attack = 'example/gradient-step'
  expect(await evaluatePlugin('attack-plugin-typescript', attack)).toContain(attack)
})
