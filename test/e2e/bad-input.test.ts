/** Every mistake a user can make in a suite or on the command line: a message that says where and what, exit code 2, nothing lost. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { robench, temporaryFolder, writeJson } from './support/cli.ts'
import { onlyResults, readOnlyResult, testSuite, unitTimes } from './support/suite.ts'
import { writeTinyProblem } from './support/tiny-problem.ts'

/** Runs a suite that differs from a sound one. */
async function runSuite(more: Readonly<Record<string, unknown>>, ...words: string[]) {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  writeJson(folder, 'suite.json', testSuite([{ plugin: 'fgsm' }], more))
  const answer = await robench(folder, 'run', 'suite.json', ...words)
  return { folder, ...answer, error: answer.stderr.replaceAll(folder, '<folder>') }
}

const defense = { name: 'tiny', plugin: 'test/file', options: { path: 'tiny.onnx' } }

test.for<[string, Readonly<Record<string, unknown>>, string]>([
  [
    'an unknown key',
    { atacks: [] },
    'error: suite.json#/atacks: unknown key; did you mean "attacks"? (accepted: ',
  ],
  [
    'an unknown plugin',
    { attacks: [{ plugin: 'fgms' }] },
    'error: suite.json#/attacks/0/plugin: unknown attack plugin "fgms"; did you mean "fgsm"?',
  ],
  [
    'an unknown option',
    { attacks: [{ plugin: 'pgd', options: { stps: 3 } }] },
    'error: suite.json#/attacks/0/options/stps: unknown option; did you mean "steps"? (pgd accepts: ',
  ],
  [
    'an option that breaks the schema',
    { attacks: [{ plugin: 'pgd', options: { steps: 'many' } }] },
    'error: suite.json#/attacks/0/options/steps: must be an integer, got "many"',
  ],
  [
    'an epsilon that is no number',
    { threatModels: [{ norm: 'Linf', epsilon: 'eight' }] },
    'error: suite.json#/threatModels/0/epsilon: expected a positive number or a fraction such as "8/255", got "eight"',
  ],
  [
    'an unknown norm',
    { threatModels: [{ norm: 'linf', epsilon: 0.1 }] },
    'error: suite.json#/threatModels/0/norm: must be one of Linf, L2; got "linf"; did you mean "Linf"?',
  ],
  [
    'an unknown data set',
    { dataset: { id: 'cifar' } },
    'error: suite.json#/dataset: unknown data set "cifar"',
  ],
  [
    'a missing data file',
    { dataset: { inputs: 'nowhere.npy', labels: 'labels.npy' } },
    'nowhere.npy',
  ],
  [
    'a missing plugin package',
    { plugins: ['robench-plugin-none'] },
    'error: suite.json#/plugins/0: plugin package "robench-plugin-none" was not found; install it: npm install robench-plugin-none',
  ],
  [
    'a missing model file',
    { defenses: [{ ...defense, model: 'none.onnx' }] },
    'error: suite.json#/defenses/0/model: <folder>/none.onnx does not exist',
  ],
  [
    'a model that is none',
    { defenses: [{ ...defense, options: { path: 'suite.json' } }] },
    'expected an ONNX model',
  ],
  [
    'a model of another input shape',
    { dataset: { id: 'quickstart' } },
    'takes inputs of shape [1, 8, 8] (channels, height, width), data set "quickstart" has [3, 32, 32]',
  ],
  [
    'two attacks of one name',
    { attacks: [{ plugin: 'pgd' }, { plugin: 'pgd' }] },
    'error: suite.json#/attacks/1: the name "pgd" is already that of /attacks/0; give it a "name" of its own',
  ],
])('%s', async ([, more, message]) => {
  const { code, error, stdout, folder } = await runSuite(more)
  expect(error).toContain(message)
  expect(error).not.toContain('    at ')
  expect(stdout).toBe('')
  expect(code).toBe(2)
  expect(existsSync(join(folder, 'results'))).toBe(false)
})

test('broken JSON is named by line and column', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'suite.json'), '{\n  "id": "x",\n  "title" "y"\n}\n')
  const { code, stderr } = await robench(folder, 'run', 'suite.json')
  expect(stderr).toBe('error: suite.json:3:11: not valid JSON: expected ":"\n')
  expect(code).toBe(2)
})

test('a card that is not about its file', async () => {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  writeJson(folder, 'tiny.onnx.json', { sha256: '0'.repeat(64) })
  writeJson(folder, 'suite.json', testSuite([{ plugin: 'fgsm' }], { defenses: [{ ...defense, model: 'tiny.onnx' }] }))
  const { code, stderr } = await robench(folder, 'validate', 'suite.json')
  expect(stderr).toContain('the file is damaged or was exchanged')
  expect(code).toBe(2)
})

test('a flag that does not exist', async () => {
  const { code, stderr } = await runSuite({}, '--wrkers', '2')
  expect(stderr).toContain("error: unknown option '--wrkers'\n(Did you mean --workers?)")
  expect(code).toBe(2)
})

test.for<[string, string, string, string]>([
  ['throws', 'test/throws', 'ROBENCH_PLUGIN_FAILED', 'attack test/throws (version 1) failed: no idea what to do'],
  ['leaves the ball', 'test/escapes', 'ROBENCH_PLUGIN_ANSWER', 'leaves the Linf ball'],
  ['hangs', 'test/hangs', 'ROBENCH_TIMEOUT', 'attack "test/hangs", examples 0 to 499 took longer than'],
  ['kills its worker each time', 'test/dies', 'ROBENCH_WORKER', 'the worker process died 3 times'],
])('an attack that %s fails alone: the others finish, exit code 1', async ([, plugin, errorCode, message]) => {
  const { code, folder } = await runSuite({
    attacks: [{ plugin }, { plugin: 'fgsm' }],
    timeLimitMs: plugin === 'test/hangs' ? 500 : 60_000,
  })
  expect(code).toBe(1)
  const [entry] = readOnlyResult(folder).entries
  const [bad, good] = entry!.attacks
  expect(bad).toMatchObject({ state: 'failed', error: { code: errorCode } })
  expect(bad!.state === 'failed' && bad!.error.message).toContain(message)
  expect(good!.state).toBe('completed')
  expect(entry!.rankable).toBe(false)
})

test('a results folder that cannot be: nothing is lost and it says what to do', async () => {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  writeJson(folder, 'suite.json', testSuite([{ plugin: 'fgsm' }]))
  const { code, stderr } = await robench(folder, 'run', 'suite.json', '--results', 'tiny.onnx')
  expect(stderr).toContain('a file stands where a folder is needed; choose another folder')
  expect(code).toBe(2)
})

test('a full disk stops the run, and what was finished stays', async () => {
  if (!existsSync('/dev/full')) return
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  writeJson(folder, 'suite.json', testSuite([{ plugin: 'fgsm' }]))
  await robench(folder, 'run', 'suite.json')
  const before = [...unitTimes(folder)]
  expect(readFileSync(join(onlyResults(folder), 'result.json'), 'utf8')).toContain('"schemaVersion": 1')
  expect(before.length).toBeGreaterThan(0)
})
