/**
 * Third-party packages, written by hand and by `robench init`, installed from their tarballs next to
 * the packed robench, run in a suite.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { packageRoot } from '../../core/base/paths.ts'
import { mainScript, temporaryFolder, writeJson } from './support/cli.ts'
import { installedOffline, pack, packRobench, workshop } from './support/packages.ts'
import { onlyResults, readOnlyResult } from './support/suite.ts'
import { writeTinyProblem } from './support/tiny-problem.ts'

const run = promisify(execFile)
const install = { ...process.env, ...installedOffline }
const examples = ['attack-plugin', 'defense-plugin'].map((name) =>
  join(packageRoot(), 'examples', name),
)

test('a plugin package works from its tarball in an empty project', async () => {
  const outer = workshop()
  const tarballs = [await packRobench(outer)]
  for (const example of examples) tarballs.push(await pack(example, outer))
  const project = join(outer, 'project')
  mkdirSync(project)
  writeJson(project, 'package.json', { name: 'empty', private: true })
  await run('npm', ['install', ...tarballs], { cwd: project, env: install })

  writeTinyProblem(project)
  writeJson(project, 'suite.json', {
    id: 'third-party',
    title: 'Third party',
    plugins: ['robench-plugin-example-attack', 'robench-plugin-example-defense'],
    dataset: { inputs: 'inputs.npy', labels: 'labels.npy' },
    threatModels: [{ norm: 'Linf', epsilon: '16/255' }],
    defenses: [{ name: 'nearest-mean', plugin: 'example/nearest-mean' }],
    attacks: [{ plugin: 'example/random-corner', options: { tries: 2 } }, { plugin: 'pgd' }],
  })
  const env = { ...process.env, ROBENCH_CACHE: join(project, 'cache') }
  const robench = join(project, 'node_modules', '.bin', 'robench')
  const { stdout } = await run(robench, ['run', 'suite.json'], { cwd: project, env })
  expect(stdout).toContain('nearest-mean')
  const [entry] = readOnlyResult(project).entries
  expect(entry!.defense.training).toEqual({ examples: 1200 })
  expect(entry!.cleanAccuracy).toBeGreaterThan(0.6)
  const [corner, pgd] = entry!.attacks.map((attack) =>
    attack.state === 'completed' ? attack.robustAccuracy : Number.NaN,
  )
  expect(corner).toBeLessThanOrEqual(entry!.cleanAccuracy)
  expect(pgd).toBeLessThan(corner!)
})

test('packages of init are built, checked, packed, installed, run, reported, and shown on a site', async () => {
  const outer = workshop()
  const project = join(outer, 'project')
  mkdirSync(project)
  writeJson(project, 'package.json', { name: 'empty', private: true })
  const host = await packRobench(outer)
  await run('npm', ['install', host], { cwd: project, env: install })
  const robench = join(project, 'node_modules', '.bin', 'robench')
  const env = { ...process.env, ROBENCH_CACHE: join(project, 'cache'), NO_COLOR: '1' }

  // Each kind once, both languages.
  const kinds = [
    ['attack', 'acme/signs', []],
    ['defense', 'acme/means', ['--js']],
    ['network', 'acme/little', []],
    ['dataset', 'acme/figures', []],
  ] as const
  const tarballs: string[] = []
  for (const [kind, name, flags] of kinds) {
    const { stdout } = await run(robench, ['init', 'plugin', kind, name, ...flags], {
      cwd: project,
    })
    const folder = join(project, stdout.split(' ')[0]!)
    // Compiles, and runs the battery by the test runner of Node.
    await run('npm', ['test'], { cwd: folder, env })
    const checked = await run(robench, ['plugin', 'check', '.'], { cwd: folder, env })
    expect(checked.stdout).toMatch(/^(\d+) of \1 checks passed$/m)
    tarballs.push(await pack(folder, outer))
    rmSync(folder, { recursive: true })
  }
  await run('npm', ['install', ...tarballs], { cwd: project, env: install })
  const names = ['signs', 'means', 'little'].map((name) => `robench-plugin-acme-${name}`)
  for (const name of [...names, 'robench-dataset-acme-figures']) {
    const { stdout } = await run(robench, ['plugin', 'check', name], { cwd: project, env })
    expect(stdout).not.toContain('failed')
  }

  const network = { id: 'acme/little', options: { width: 8, layers: 2 } }
  const small = { network, epochs: 20, batchSize: 16, validation: 40 }
  writeJson(project, 'suite.json', {
    id: 'figures',
    title: 'Figures',
    plugins: names,
    dataset: { path: 'node_modules/robench-dataset-acme-figures/dataset.json' },
    threatModels: [{ norm: 'Linf', epsilon: '16/255' }],
    defenses: [
      { name: 'means', plugin: 'acme/means' },
      { name: 'little', plugin: 'standard', options: small },
    ],
    attacks: [
      { plugin: 'acme/signs', options: { steps: 5 } },
      { plugin: 'pgd' },
      // A strong attack: without one, nothing gets on a board.
      { plugin: 'autoattack' },
    ],
  })
  await run(robench, ['run', 'suite.json', '--save-adversarial'], { cwd: project, env })
  const { entries } = readOnlyResult(project)
  expect(entries.map(({ defense }) => defense.package)).toEqual([
    'robench-plugin-acme-means',
    undefined,
  ])
  const [means] = entries
  expect(means!.cleanAccuracy).toBeGreaterThan(0.5)
  const [signs, pgd] = means!.attacks.map((attack) =>
    attack.state === 'completed' ? attack.robustAccuracy : Number.NaN,
  )
  // A linear model: every step has the sign of the same gradient between two classes.
  expect(signs).toBeLessThan(means!.cleanAccuracy)
  expect(pgd).toBeLessThanOrEqual(signs!)
  const page = readFileSync(join(onlyResults(project), 'report.html'), 'utf8')
  for (const text of ['acme/signs', 'Figures', 'little']) expect(page).toContain(text)

  const results = onlyResults(project)
  const board = ['--private', '--entries', 'entries']
  for (const name of ['means', 'little']) {
    const words = ['--entry', name, '--adversarials', join(results, 'adversarials'), ...board]
    await run(robench, ['leaderboard', 'add', results, ...words], { cwd: project, env })
  }
  const words = ['leaderboard', 'build', ...board, '--out', 'site']
  const built = await run(robench, words, { cwd: project, env })
  expect(built.stdout).toBe('built 2 entries in 1 table; open site/index.html\n')
  const table = join(project, 'site', 'entries', 'acme-figures', 'linf-16-255')
  const shown = readFileSync(join(table, 'means.html'), 'utf8')
  for (const text of ['acme/signs', 'acme/means', 'robench-plugin-acme-signs 0.1.0']) {
    expect(shown).toContain(text)
  }
  expect(readFileSync(join(table, 'little.html'), 'utf8')).toContain('acme/little')
})

test('check names what falls short, with file and line: exit code 1', async () => {
  const project = workshop()
  const env = { ...process.env, NO_COLOR: '1' }
  const robench = (...words: string[]): Promise<{ stdout: string }> =>
    run(process.execPath, [mainScript, ...words], { cwd: project, env })
  await robench('init', 'plugin', 'attack', 'acme/signs', '--js')
  const folder = join(project, 'robench-plugin-acme-signs')
  const source = join(folder, 'signs.js')
  const sound = readFileSync(source, 'utf8')
  const faults: readonly (readonly [RegExp | string, string, string])[] = [
    ['ball.project(moved, point)', 'point.set(moved)', 'its results are within bounds and ball'],
    ['forward: steps,', 'forward: steps + 1,', 'its cost is that of an example'],
    ['stochastic: false', 'stochastic: true', 'another seed gives another result'],
    ['signal.throwIfAborted()', "throw new Error('a mistake')", 'the same seed gives the same'],
    ['signal.throwIfAborted()', 'process.exit(0)', 'the same seed gives the same bytes'],
  ]
  for (const [part, fault, check] of faults) {
    writeFileSync(source, sound.replace(part, fault))
    const failure = await robench('plugin', 'check', `./${basename(folder)}`).catch(
      (error: unknown) => error as { readonly code: number; readonly stdout: string },
    )
    expect(failure).toMatchObject({ code: 1 })
    const lines = failure.stdout.split('\n')
    const at = lines.findIndex((line) => line.startsWith('  failed') && line.includes(check))
    expect(at).toBeGreaterThan(0)
    expect(lines[at + 1]).toMatch(/signs\.js:\d+:\d+\)$/)
    if (fault.includes('a mistake')) {
      const line = sound.split('\n').findIndex((text) => text.includes('signal.throwIfAborted()'))
      expect(lines[at + 1]).toContain(`a mistake (${source}:${line + 1}:`)
    }
  }
})

test('a package of a workspace runs with the robench of the project', async () => {
  const project = workshop()
  writeTinyProblem(project)
  // The package is linked from elsewhere, where no robench is found.
  const elsewhere = temporaryFolder()
  await run(process.execPath, [mainScript, 'init', 'plugin', 'attack', 'acme/signs', '--js'], {
    cwd: elsewhere,
  })
  rmSync(join(project, 'node_modules'))
  mkdirSync(join(project, 'node_modules'))
  const name = 'robench-plugin-acme-signs'
  symlinkSync(join(elsewhere, name), join(project, 'node_modules', name), 'dir')
  writeJson(project, 'suite.json', {
    id: 'linked',
    title: 'Linked',
    plugins: [name],
    dataset: { inputs: 'inputs.npy', labels: 'labels.npy' },
    limit: 40,
    threatModels: [{ norm: 'Linf', epsilon: '16/255' }],
    defenses: [{ name: 'tiny', plugin: 'onnx-model', options: { file: 'tiny.onnx' } }],
    attacks: [{ plugin: 'acme/signs' }],
    checks: false,
  })
  await run(process.execPath, [mainScript, 'run', 'suite.json'], { cwd: project })
  const [attack] = readOnlyResult(project).entries[0]!.attacks
  expect(attack).toMatchObject({ state: 'completed', attack: { package: name } })
})
