/** Faults of plugins and models, from the command line to the exit code. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fixturePlugins, robench, temporaryFolder, writeJson } from './support/cli.ts'
import { readOnlyResult, testSuite } from './support/suite.ts'
import { writeTinyProblem } from './support/tiny-problem.ts'

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
    'ROBENCH_PLUGIN_FAILED: attack test/throws (version 1) failed: no idea what to do ' +
      `(${join(fixturePlugins, 'index.js')}:91:11)`,
  )
  expect(endings[1]).toContain(
    'ROBENCH_PLUGIN_ANSWER: attack test/escapes (version 1): its result for',
  )
  expect(endings[2]).toContain(
    `ROBENCH_WORKER: attack "test/dies" (package "${fixturePlugins}"): the worker process died 3 ` +
      'times (killed by SIGKILL)',
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
      message:
        `attack "test/hangs" (package "${fixturePlugins}") took longer than 2000 ms and was ` +
        `stopped at ${join(fixturePlugins, 'index.js')}:88:5; raise "timeLimitMs" in the suite if ` +
        'it needs more',
    },
  })
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
