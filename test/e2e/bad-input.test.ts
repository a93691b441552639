/**
 * Messages and exit codes of the command line when something is wrong. All messages about mistakes
 * in suites are tested in core/bench/plan/resolve.test.ts.
 */
import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { finished, mainScript, robench, temporaryFolder, writeJson } from './support/cli.ts'
import { readOnlyResult, testSuite } from './support/suite.ts'
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

test('attacks that throw, cheat, or kill their worker fail alone: exit code 1', async () => {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  const plugins = ['test/throws', 'test/escapes', 'test/dies', 'fgsm']
  const attacks = plugins.map((plugin) => ({ plugin }))
  const more = {
    defenses: [{ name: 'tiny', plugin: 'onnx-model', options: { file: 'tiny.onnx' } }],
  }
  writeJson(folder, 'suite.json', testSuite(attacks, more))
  const { code, stderr } = await robench(folder, 'run', 'suite.json')
  expect(code).toBe(1)
  const [entry] = readOnlyResult(folder).entries
  const endings = entry!.attacks.map((attack) =>
    attack.state === 'failed' ? `${attack.error.code}: ${attack.error.message}` : attack.state,
  )
  expect(endings[0]).toBe(
    'ROBENCH_PLUGIN_FAILED: attack test/throws (version 1) failed: no idea what to do',
  )
  expect(endings[1]).toContain(
    'ROBENCH_PLUGIN_ANSWER: attack test/escapes (version 1): its result for',
  )
  expect(endings[2]).toContain(
    'ROBENCH_WORKER: attack "test/dies": the worker process died 3 times',
  )
  expect(endings[3]).toBe('completed')
  expect(entry!.reasons).toContain('attack "test/throws" failed')
  expect(stderr).toContain('failed: defense "tiny", attack "test/throws", examples ')
})

test('an attack that hangs is stopped at its time limit', async () => {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  writeJson(folder, 'suite.json', testSuite([{ plugin: 'test/hangs' }], { limit: 8 }))
  const words = ['run', 'suite.json', '--time-limit', '2', '--workers', '1']
  expect((await robench(folder, ...words)).code).toBe(1)
  const [attack] = readOnlyResult(folder).entries[0]!.attacks
  expect(attack).toMatchObject({
    state: 'failed',
    error: {
      code: 'ROBENCH_TIMEOUT',
      message: expect.stringContaining('attack "test/hangs" took longer than 2000 ms'),
    },
  })
})

test('a results directory that cannot be created', async () => {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  writeJson(folder, 'suite.json', testSuite([{ plugin: 'fgsm' }]))
  const { code, stderr } = await robench(folder, 'run', 'suite.json', '--results', 'tiny.onnx')
  expect(stderr).toContain('a file exists where a directory is expected; choose another directory')
  expect(code).toBe(2)
})

test('a full disk stops the run with advice, and the run can be resumed', async () => {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  const defenses = [
    { name: 'tiny', plugin: 'onnx-model', model: 'tiny.onnx', options: { file: 'tiny.onnx' } },
  ]
  writeJson(folder, 'suite.json', testSuite([{ plugin: 'fgsm' }], { defenses }))
  // A limit on file sizes acts like a full disk: the file of a unit does not fit.
  const limited = spawn(
    'sh',
    ['-c', `ulimit -f 1; exec "$0" "$@"`, process.execPath, mainScript, 'run', 'suite.json'],
    {
      cwd: folder,
      env: { ...process.env, ROBENCH_CACHE: join(folder, 'cache') },
    },
  )
  const { code, stderr } = await finished(limited)
  expect(stderr).toContain(
    'the limit on file sizes is reached; raise it (ulimit -f) and run the same command again',
  )
  expect(code).toBe(2)
  expect((await robench(folder, 'run', 'suite.json')).code).toBe(0)
})

test('validate refuses the models that run refuses, with the same message', async () => {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  writeFileSync(join(folder, 'text.onnx'), 'text')
  for (const file of ['missing.onnx', 'text.onnx']) {
    const defenses = [{ name: 'm', plugin: 'onnx-model', options: { file } }]
    writeJson(folder, 'suite.json', testSuite([{ plugin: 'fgsm' }], { defenses }))
    const [validated, ran] = await Promise.all([
      robench(folder, 'validate', 'suite.json'),
      robench(folder, 'run', 'suite.json'),
    ])
    expect(validated.stderr).toContain('error: suite.json#/defenses/0: ')
    expect(validated.stderr).toContain(file)
    expect(validated).toEqual(ran)
    expect(validated.code).toBe(2)
  }
  writeJson(folder, 'suite.json', testSuite([{ plugin: 'fgsm' }]))
  expect((await robench(folder, 'validate', 'suite.json')).stdout).toContain('suite.json: valid; ')
  expect(existsSync(join(folder, 'results'))).toBe(false)
})
