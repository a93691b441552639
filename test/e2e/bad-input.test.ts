/**
 * Messages and exit codes of the command line when something is wrong. All messages about mistakes
 * in suites are tested in core/bench/plan/resolve.test.ts.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { robench, temporaryFolder, writeJson } from './support/cli.ts'
import { testSuite } from './support/suite.ts'
import { writeTinyProblem } from './support/tiny-problem.ts'

test('a mistake in a suite: one line, no stack, exit code 2, no results directory', async () => {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  writeJson(folder, 'suite.json', testSuite([{ plugin: 'pgd', options: { stps: 3 } }]))
  const { code, stderr, stdout } = await robench(folder, 'run', 'suite.json')
  expect(stderr).toMatchInlineSnapshot(`
    "error: suite.json#/attacks/0/options/stps: unknown option; did you mean "steps"? (pgd accepts: stepSize, restarts, loss, goal, target, steps, randomStart, centerStart, stepSchedule, targets)
    "
  `)
  expect(stdout).toBe('')
  expect(code).toBe(2)
  expect(existsSync(join(folder, 'results'))).toBe(false)
})

test('invalid JSON is reported with line and column', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'suite.json'), '{\n  "id": "x",\n  "title" "y"\n}\n')
  const { code, stderr } = await robench(folder, 'run', 'suite.json')
  expect(stderr).toBe('error: suite.json:3:11: not valid JSON: expected ":"\n')
  expect(code).toBe(2)
})

test('an unknown flag is rejected with a suggestion', async () => {
  const { code, stderr } = await robench(temporaryFolder(), 'run', 'quickstart', '--wrkers', '2')
  expect(stderr).toContain("error: unknown option '--wrkers'\n(Did you mean --workers?)")
  expect(code).toBe(2)
})

test('a flag that no attack of the command accepts is rejected with a list', async () => {
  const folder = temporaryFolder()
  const words = ['--data', 'quickstart', '--norm', 'Linf', '--epsilon', '8/255', '--attack', 'fgsm']
  const { code, stderr } = await robench(folder, 'eval', 'm.onnx', ...words, '--steps', '5')
  expect(stderr).toContain(
    '--steps: unknown option for the selected attacks (fgsm accepts: stepSize, ',
  )
  expect(code).toBe(2)
})

test('text of a file does not reach the terminal as it is', async () => {
  const folder = temporaryFolder()
  const defenses = [{ name: 'd', plugin: 'apr\u001b[2J\u202e' }]
  const suite = { ...testSuite([{ plugin: 'fgsm' }]), plugins: [], defenses }
  writeJson(folder, 'suite.json', suite)
  const { code, stderr } = await robench(folder, 'validate', 'suite.json')
  expect(stderr).toContain(
    'error: suite.json#/defenses/0/plugin: unknown defense plugin "apr [2J\\u202e"',
  )
  expect(code).toBe(2)
})

test('a results directory that cannot be created', async () => {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  writeJson(folder, 'suite.json', testSuite([{ plugin: 'fgsm' }]))
  const { code, stderr } = await robench(folder, 'run', 'suite.json', '--results', 'tiny.onnx')
  expect(stderr).toContain('a file exists where a directory is expected; choose another directory')
  expect(code).toBe(2)
})
