/**
 * A faulty third-party plugin hurts its own cell only, and is named with file and line. Every test
 * drives a real run.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { RunResult } from '../../core/bench/result/result.ts'
import {
  faultyPlugins as faulty,
  fixturePlugins,
  robench,
  temporaryFolder,
  writeJson,
} from './support/cli.ts'
import type { CliResult } from './support/cli.ts'
import { outcomesOf, readOnlyResult, testSuite } from './support/suite.ts'
import { writeTinyProblem } from './support/tiny-problem.ts'

const source = join(faulty, 'index.js')
const sourceLines = readFileSync(source, 'utf8').split('\n')
const sound = ['fgsm', 'test/noise']

/** `path:line` of the first line of the faulty package that contains a text, after a start. */
function lineOf(text: string, start = ''): string {
  const from = sourceLines.findIndex((line) => line.includes(start))
  const at = sourceLines.findIndex((line, index) => index >= from && line.includes(text))
  expect(at).toBeGreaterThanOrEqual(0)
  return `${source}:${at + 1}:`
}

/** A directory with the tiny problem and a suite. */
function project(attacks: readonly string[], more: Readonly<Record<string, unknown>> = {}): string {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  const plugins = attacks.map((plugin) => ({ plugin }))
  writeJson(
    folder,
    'suite.json',
    testSuite(plugins, { plugins: [fixturePlugins, faulty], limit: 40, ...more }),
  )
  return folder
}

async function run(folder: string, ...more: readonly string[]): Promise<CliResult> {
  return robench(folder, 'run', 'suite.json', '--workers', '2', ...more)
}

/** The failure of each attack by its id. */
function failures(result: RunResult): Record<string, string> {
  const [entry] = result.entries
  return Object.fromEntries(
    entry!.attacks.flatMap((attack) =>
      attack.state === 'failed'
        ? [[attack.attack.plugin, `${attack.error.code}: ${attack.error.message}`]]
        : [],
    ),
  )
}

/** The outcomes of a run without faults. */
async function undisturbed(): Promise<Record<string, string>> {
  const folder = project(sound)
  expect((await run(folder)).code).toBe(0)
  return outcomesOf(readOnlyResult(folder))
}

test('patches, rejections, exits, leaks, and output hurt no other cell', async () => {
  const names = [
    'patches',
    'rejects',
    'throws-late',
    'exits',
    'leaks',
    'prints',
    'shouts',
    'reports',
  ].map((name) => `faulty/${name}`)
  const folder = project([...names, ...sound])
  const words = ['--json', '--memory-limit', '1500']
  const [{ code, stdout, stderr }, expected] = [await run(folder, ...words), await undisturbed()]
  expect(code).toBe(1)
  // Standard output is the result and nothing else, although an attack wrote to it.
  const result = JSON.parse(stdout) as RunResult
  expect(outcomesOf(result)).toMatchObject(expected)
  const failed = failures(result)
  expect(Object.keys(failed)).toEqual(
    ['patches', 'rejects', 'throws-late', 'exits', 'leaks', 'shouts'].map(
      (name) => `faulty/${name}`,
    ),
  )
  expect(failed['faulty/rejects']).toContain(
    'attack "faulty/rejects" caused an error that nothing catches: nobody waits for this',
  )
  expect(failed['faulty/rejects']).toContain(lineOf('nobody waits for this'))
  expect(failed['faulty/throws-late']).toContain('nothing catches: too late')
  expect(failed['faulty/throws-late']).toContain(lineOf('too late'))
  expect(failed['faulty/exits']).toContain('attack "faulty/exits" called process.exit(0)')
  expect(failed['faulty/exits']).toContain(lineOf('process.exit(0)', "'faulty/exits'"))
  expect(failed['faulty/leaks']).toMatch(
    /^ROBENCH_WORKER: attack "faulty\/leaks" .*\(it took \d\.\d GiB of memory, more than its limit/,
  )
  expect(failed['faulty/shouts']).toContain('(5000000 characters, cut)')
  expect(failed['faulty/shouts']).toContain(lineOf("'y'.repeat"))
  for (const text of Object.values(failed)) expect(text.length).toBeLessThan(2500)
  // All output of plugins, cut, is on standard error.
  expect(stderr).toContain('further output of')
  expect(stderr.length).toBeLessThan(200_000)
})

test('an attack that blocks or waits for ever is stopped, and the line is named', async () => {
  const folder = project(['faulty/spins', 'faulty/waits', ...sound])
  const expected = undisturbed()
  const { code } = await run(folder, '--stall-limit', '30')
  expect(code).toBe(1)
  const result = readOnlyResult(folder)
  expect(outcomesOf(result)).toMatchObject(await expected)
  const failed = failures(result)
  expect(failed['faulty/spins']).toContain('made no progress for 30000 ms and was stopped at')
  expect(failed['faulty/spins']).toContain(lineOf('for (;;)'))
  expect(failed['faulty/waits']).toContain(`(package "${faulty}") made no progress for 30000 ms`)
})

test('a card that is no JSON fails its defense alone', async () => {
  const tiny = { name: 'tiny', plugin: 'test/file', options: { path: 'tiny.onnx' } }
  const cards = ['bigint-card', 'nan-card'].map((name) => ({ name, plugin: `faulty/${name}` }))
  const folder = project(sound, { defenses: [...cards, tiny] })
  const expected = undisturbed()
  expect((await run(folder)).code).toBe(1)
  const result = readOnlyResult(folder)
  expect(outcomesOf(result)).toMatchObject(await expected)
  const messages = result.failures!.map(({ error }) => error.message)
  expect(messages[0]).toContain('got a bigint at /training/steps')
  expect(messages[1]).toContain('got NaN at /training/epochs/0/loss')
  for (const message of messages) expect(message).toContain(lineOf('async prepare'))
})

test('verify runs attacks of packages in processes of their own, and a fault is a difference', async () => {
  const folder = project(['faulty/at-times', ...sound])
  expect((await run(folder)).code).toBe(0)
  const words = ['verify', 'results', '--sample', '4', '--seed', '1'] as const
  const held = await robench(folder, ...words)
  expect(`${held.code} ${held.stdout}`).toMatch(/^0 [^]*The result holds/)
  process.env['ROBENCH_TEST_FAULT'] = '1'
  onTestFinished(() => {
    delete process.env['ROBENCH_TEST_FAULT']
  })
  const { code, stdout } = await robench(folder, ...words)
  expect(code).toBe(1)
  const differing = stdout.split('\n').filter((line) => line.includes('cannot be run again'))
  expect(differing).toHaveLength(1)
  expect(differing[0]).toContain('attack "faulty/at-times" called process.exit(0)')
  expect(differing[0]).toContain(lineOf('process.exit(0)', 'faulty/at-times'))
})

test('a property is searched in a process of the plugin, whose fault ends the command', async () => {
  const folder = project(sound)
  const pixels = Array.from({ length: 64 }, (_, i) => i)
  const text = [
    ...pixels.map((i) => `(declare-const X_${i} Real)`),
    ...[0, 1, 2, 3].map((j) => `(declare-const Y_${j} Real)`),
    ...pixels.flatMap((i) => [`(assert (>= X_${i} 0.4))`, `(assert (<= X_${i} 0.6))`]),
    '(assert (>= Y_0 1000))',
  ]
  writeFileSync(join(folder, 'property.vnnlib'), text.join('\n'))
  const search = (plugin: string, attack: string): Promise<CliResult> => {
    const words = ['--vnnlib', 'property.vnnlib', '--plugin', plugin, '--attack', attack] as const
    return robench(folder, 'eval', 'tiny.onnx', ...words)
  }
  expect(await search(fixturePlugins, 'test/noise')).toMatchObject({ code: 0, stdout: 'unknown\n' })
  const { code, stdout, stderr } = await search(faulty, 'faulty/exits')
  expect(`${code} ${stdout}`).toBe('2 ')
  expect(stderr).toContain('attack "faulty/exits" called process.exit(0)')
  expect(stderr).toContain(lineOf('process.exit(0)', "'faulty/exits'"))
})

test('a faulty cost fails its own cell, whatever it does', async () => {
  const names = ['nan-cost', 'bigint-cost', 'dying-cost', 'spinning-cost'] as const
  const folder = project([...names.map((name) => `faulty/${name}`), ...sound, 'faulty/at-times'])
  const expected = undisturbed()
  const { code, stderr } = await run(folder, '--stall-limit', '30')
  expect(code).toBe(1)
  const result = readOnlyResult(folder)
  expect(outcomesOf(result)).toMatchObject(await expected)
  const failed = failures(result)
  expect(Object.keys(failed)).toEqual(names.map((name) => `faulty/${name}`))
  for (const [name, got] of [
    ['nan-cost', '{ forward: NaN, backward: 0 }'],
    ['bigint-cost', '{ forward: 1, backward: 0 }'],
  ] as const) {
    const message =
      `attack faulty/${name} (version 1): cost() must return { forward, backward } with numbers ` +
      `of at least 0, got ${got}`
    expect(failed[`faulty/${name}`]).toContain(message)
    expect(stderr).toContain(message)
    expect(failed[`faulty/${name}`]).toContain(lineOf('cost: () =>', `faulty/${name}`))
  }
  expect(failed['faulty/dying-cost']).toContain(
    'ended its process in cost() of attack "faulty/dying-cost": killed by SIGKILL',
  )
  expect(failed['faulty/spinning-cost']).toContain('did not answer for 30000 ms in cost()')
  expect(failed['faulty/spinning-cost']).toContain(lineOf('for (;;)', 'faulty/spinning-cost'))
  // Before anything runs.
  const planning = project(['faulty/nan-cost', 'fgsm'])
  const planned = await robench(planning, 'plan', 'suite.json')
  expect(planned.code).toBe(0)
  expect(planned.stderr).toContain('attack "faulty/nan-cost" will fail: attack faulty/nan-cost')
  expect(await robench(planning, 'validate', 'suite.json')).toMatchObject({ code: 2 })
})

test.each([
  ['process.exit(0)', 'called process.exit(0)', 'index.js:1:9'],
  ["process.kill(process.pid, 'SIGKILL')", 'ended its process during its import', ''],
  ["Promise.reject(new Error('unheard'))", 'nothing catches: unheard', 'index.js:1:16'],
  ["throw new Error('no luck')", 'cannot be imported: no luck', 'index.js:1:7'],
  ['for (;;);', 'did not answer for 30000 ms during its import', 'index.js:1:'],
  [
    'for (const kept = [];;) kept.push(Buffer.alloc(1e8, 1))',
    'ended its process during its import: it took',
    '',
  ],
])('importing a package with %s ends the run with a message', async (code, message, place) => {
  const folder = project(['fgsm'], {
    plugins: [fixturePlugins, './broken'],
    stallLimitMs: 30_000,
    memoryLimitMb: 1500,
  })
  mkdirSync(join(folder, 'broken'))
  writeJson(folder, 'broken/package.json', { type: 'module' })
  writeFileSync(join(folder, 'broken', 'index.js'), `${code}\nexport default { attacks: {} }\n`)
  const result = await run(folder)
  expect(result.code).toBe(2)
  expect(result.stdout).toBe('')
  expect(result.stderr).toContain('plugin package "./broken"')
  expect(result.stderr).toContain(message)
  if (place !== '') expect(result.stderr).toContain(join(folder, 'broken', place))
})
