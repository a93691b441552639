/** The examples of docs/scale.md, run as far as they can be without a cluster. */
import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../../core/base/paths.ts'
import { finished, mainScript, robench, temporaryFolder, writeJson } from './support/cli.ts'
import type { CliResult } from './support/cli.ts'
import { contentOf, readOnlyResult, testSuite } from './support/suite.ts'
import { writeTinyProblem } from './support/tiny-problem.ts'

/** The text of an example in docs/scale.md. */
function example(name: string): string {
  const text = readFileSync(join(packageRoot(), 'docs', 'scale.md'), 'utf8')
  const pattern = new RegExp(`<!-- example: ${name} -->\n\`\`\`\\w+\n([\\s\\S]*?)\n\`\`\``)
  return `${pattern.exec(text)![1]!}\n`
}

/** A directory with `my-suite.json`, and the commands `robench` and `npx` in `bin`. */
function problem(): string {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  writeJson(folder, 'my-suite.json', testSuite([{ plugin: 'fgsm' }, { plugin: 'test/noise' }]))
  mkdirSync(join(folder, 'bin'))
  const command = `exec "${process.execPath}" "${mainScript}"`
  for (const [name, line] of [
    ['robench', `${command} "$@"`],
    // `npx robench …` runs the same program.
    ['npx', `shift; ${command} "$@"`],
  ] as const) {
    const path = join(folder, 'bin', name)
    writeFileSync(path, `#!/bin/sh\n${line}\n`)
    chmodSync(path, 0o755)
  }
  return folder
}

function shell(folder: string, script: string, more: Record<string, string>): Promise<CliResult> {
  const path = `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`
  const child = spawn('sh', ['-c', script], {
    cwd: folder,
    env: { ...process.env, ...more, PATH: path, ROBENCH_CACHE: join(folder, 'cache') },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return finished(child)
}

/** Merges the shards, and compares with a run of the whole suite. */
async function expectWhole(folder: string, merge: string): Promise<void> {
  const merged = await shell(folder, `${merge} --results merged --json`, {})
  expect(merged.stderr).toBe('')
  const whole = temporaryFolder()
  writeTinyProblem(whole)
  writeJson(whole, 'my-suite.json', testSuite([{ plugin: 'fgsm' }, { plugin: 'test/noise' }]))
  expect((await robench(whole, 'run', 'my-suite.json')).code).toBe(0)
  expect(contentOf(JSON.parse(merged.stdout) as ReturnType<typeof readOnlyResult>)).toEqual(
    contentOf(readOnlyResult(whole)),
  )
}

test('the SLURM script runs the shard of its array task', async () => {
  const folder = problem()
  const script = example('slurm')
  expect(script).toContain('#SBATCH --array=1-8')
  for (const task of ['1', '2']) {
    const { code, stderr } = await shell(folder, script, {
      SLURM_ARRAY_TASK_ID: task,
      SLURM_ARRAY_TASK_COUNT: '2',
      SLURM_CPUS_PER_TASK: '1',
    })
    expect(stderr).toContain(`note: shard ${task} of 2: `)
    expect(code).toBe(0)
  }
  await expectWhole(folder, 'robench merge results')
})

test('the command of the Kubernetes job runs the shard of its index', async () => {
  const folder = problem()
  const manifest = example('kubernetes')
  const [, line] = /args:\n\s+- (.*)\n/.exec(manifest)!
  for (const index of ['0', '1']) {
    const given = { JOB_COMPLETION_INDEX: index, SHARDS: '2' }
    expect((await shell(folder, line!, given)).code).toBe(0)
  }
  const [, shards] = /name: SHARDS, value: "(\d+)"/.exec(manifest)!
  expect(manifest).toContain(`completions: ${shards}\n`)
  await expectWhole(folder, 'robench merge results')
})

test('the commands of the CI matrix run all of its shards', async () => {
  const folder = problem()
  const workflow = example('ci')
  const shards = /shard: \[(.*)\]/.exec(workflow)![1]!.split(', ')
  const [, run] = /- run: (npx robench run .*)\n/.exec(workflow)!
  expect(run).toContain(`/${shards.length}`)
  for (const shard of shards) {
    const command = run!.replace('${{ matrix.shard }}', shard)
    expect((await shell(folder, command, {})).code).toBe(0)
  }
  const [, merge] = /- run: (npx robench merge .*)\n/.exec(workflow)!
  await expectWhole(folder, merge!)
})
