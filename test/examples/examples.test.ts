/** The shipped examples work in a project that has robench installed. */
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../../core/base/paths.ts'

const model = join(packageRoot(), 'models', 'quickstart-standard.onnx')
let project = ''

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'robench-examples-'))
  mkdirSync(join(project, 'node_modules'))
  symlinkSync(packageRoot(), join(project, 'node_modules', 'robench'))
  cpSync(join(packageRoot(), 'examples'), project, { recursive: true })
})

afterAll(() => rmSync(project, { recursive: true, force: true }))

/** Runs Node in a directory of the project. @returns standard output */
async function node(directory: string, ...words: readonly string[]): Promise<string> {
  const env = { ...process.env, ROBENCH_CACHE: join(project, 'cache'), NO_COLOR: '1' }
  const cwd = join(project, directory)
  const { stdout } = await promisify(execFile)(process.execPath, words, { cwd, env })
  return stdout
}

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

test('a program trains a model and evaluates it', async () => {
  const output = await node('program', 'train-and-evaluate.mjs', 'robust.onnx', '1')
  expect(output).toMatch(/^epoch 1: loss [\d.]+\nclean 0\.\d+, robust 0\.?\d* \(0/)
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
