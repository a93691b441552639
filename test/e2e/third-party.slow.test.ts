/**
 * A third-party plugin package, installed from its tarball next to the packed robench, runs in a
 * suite.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { extract } from 'tar'
import { expect, test } from 'vitest'
import { packageRoot } from '../../core/base/paths.ts'
import { temporaryFolder, writeJson } from './support/cli.ts'
import { readOnlyResult } from './support/suite.ts'
import { writeTinyProblem } from './support/tiny-problem.ts'

const run = promisify(execFile)
const examples = ['attack-plugin', 'defense-plugin'].map((name) =>
  join(packageRoot(), 'examples', name),
)

/** Packs a package as for publishing. @returns the path of the tarball */
async function pack(source: string, destination: string): Promise<string> {
  const words = ['pack', '--ignore-scripts', '--json', '--pack-destination', destination]
  const { stdout } = await run('npm', words, { cwd: source })
  const [packed] = JSON.parse(stdout) as [{ filename: string }]
  return join(destination, packed.filename)
}

/**
 * Packs robench without its dependencies, which are found in a parent directory, so that nothing is
 * downloaded.
 */
async function packRobench(outer: string): Promise<string> {
  const staging = join(outer, 'staging')
  mkdirSync(staging)
  await extract({ file: await pack(packageRoot(), outer), cwd: staging, strip: 1 })
  const manifestFile = join(staging, 'package.json')
  const {
    dependencies: _,
    devDependencies: __,
    ...manifest
  } = JSON.parse(readFileSync(manifestFile, 'utf8')) as Record<string, unknown>
  writeFileSync(manifestFile, JSON.stringify(manifest))
  return pack(staging, outer)
}

test('a plugin package works from its tarball in an empty project', async () => {
  const outer = temporaryFolder()
  symlinkSync(join(packageRoot(), 'node_modules'), join(outer, 'node_modules'))
  const tarballs = [await packRobench(outer)]
  for (const example of examples) tarballs.push(await pack(example, outer))
  const project = join(outer, 'project')
  mkdirSync(project)
  writeJson(project, 'package.json', { name: 'empty', private: true })
  const flags = ['--offline', '--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund']
  await run('npm', ['install', ...flags, ...tarballs], { cwd: project })

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
