/** The environment of worker processes: with CUDA, each sees a GPU of its own. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { packageRoot } from '../../../../core/base/paths.ts'
import type { PrepareJob } from '../../../../core/bench/execute/job.ts'
import type { WorkerPool } from '../../../../core/bench/execute/pool.ts'
import { embeddedDataset } from '../../../../core/data/embedded.ts'
import { temporaryFolder } from '../../../e2e/support/cli.ts'

/** A defense whose error names the GPU that its process sees. */
const plugin = `export default { defenses: { visible: () => ({
  kind: 'defense',
  meta: { id: 'visible', apiVersion: 1, version: 1, title: 'Visible', trains: false,
    source: { title: 'None', authors: 'A', year: 2026, url: 'https://example.org' }, provenance: 'own', optionsSchema: { type: 'object', additionalProperties: false } },
  prepare: () => { throw new Error('sees ' + process.env.CUDA_VISIBLE_DEVICES) },
}) } }
`

test('processes take the environments in turn', async () => {
  const folder = temporaryFolder()
  const file = join(folder, 'plugin.mjs')
  writeFileSync(file, plugin)
  const built = pathToFileURL(join(packageRoot(), 'dist/core/bench/execute/pool.js')).href
  const { WorkerPool: Pool } = (await import(built)) as { WorkerPool: typeof WorkerPool }
  const pool = new Pool({
    workers: 3,
    environments: [{ CUDA_VISIBLE_DEVICES: '0' }, { CUDA_VISIBLE_DEVICES: 'GPU-77aa02' }],
    content: {
      plugins: [{ name: 'visible', url: pathToFileURL(file).href }],
      dataset: { id: 'quickstart' },
      suiteFolder: folder,
      resultsFolder: folder,
      models: {},
    },
  })
  const job: PrepareJob = {
    kind: 'prepare',
    setting: {
      plugins: ['visible'],
      dataset: { id: 'quickstart', sha256: embeddedDataset('test').hash },
      device: 'cpu',
      threads: 1,
    },
    plugin: 'visible',
    options: {},
    seed: 0,
    threatModel: { norm: 'Linf', epsilon: 0.1, bounds: [0, 1] },
  }
  const limits = { timeLimitMs: 600_000, label: 'visible', signal: new AbortController().signal }
  const outcomes = await Promise.all([1, 2, 3].map(() => pool.submit(job, limits)))
  await pool.close()
  const messages = outcomes.map((outcome) => ('error' in outcome ? outcome.error.message : ''))
  expect(messages.map((text) => /sees (\S+)/.exec(text)?.[1] ?? text)).toEqual([
    '0',
    'GPU-77aa02',
    '0',
  ])
})
