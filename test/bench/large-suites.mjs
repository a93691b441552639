/**
 * Large suites: processor time and memory of plan, resume, report, and site, each in a process of
 * its own, imports included. Units are not computed: their outcomes are made up.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createViteServer } from 'vitest/node'

const root = fileURLToPath(new URL('../..', import.meta.url))
const child = fileURLToPath(new URL('./large-suites-child.mjs', import.meta.url))

/** Suites of 2,000 cells in three forms, and one of 10,000. */
const shapes = {
  one: { cells: 1, attacks: [pgdMatrix(1)] },
  matrix: { cells: 2000, attacks: [pgdMatrix(2000)] },
  seeds: { cells: 2000, attacks: [pgdMatrix(100)], seeds: Array.from({ length: 20 }, (_, i) => i) },
  curves: {
    cells: 2000,
    attacks: [pgdMatrix(100)],
    threatModels: Array.from({ length: 20 }, (_, i) => ({
      norm: 'Linf',
      epsilon: (i + 1) / 255,
      curve: Array.from({ length: 20 }, (_, place) => (place + 22) / 255),
    })),
  },
  matrix10k: { cells: 10_000, attacks: [pgdMatrix(10_000)] },
}

function pgdMatrix(length, plugin = 'pgd') {
  return { plugin, matrix: { steps: Array.from({ length }, (_, i) => i + 1) } }
}

const steps = [
  ['plan', 'matrix', 'plan 2,000 attacks of one matrix', 5],
  ['plan', 'seeds', 'plan 100 attacks × 20 seeds', 5],
  ['plan', 'curves', 'plan 100 attacks × 20 threat models with curves', 5],
  ['plan', 'matrix10k', 'plan 10,000 attacks of one matrix', 20],
  ['resume', 'matrix', 'read 2,000 completed cells and forecast: beyond a plan of 1 cell', 2],
  ['report', 'matrix', 'report of 2,000 cells as HTML', 20],
  ['site', 'matrix', 'site of 2,000 entries', 20],
]

export const benches = steps.flatMap(([step, shape, title, seconds]) => [
  {
    id: `${step}-${shape}`,
    title: `${title}: processor time`,
    unit: 's',
    bar: { atMost: seconds },
    run: () => measured(step, shape, ({ cpuMs }) => cpuMs / 1000),
  },
  {
    id: `${step}-${shape}-memory`,
    title: `${title}: peak memory`,
    unit: 'MB',
    bar: step === 'plan' && shape !== 'matrix10k' ? { atMost: 500 } : null,
    run: () => measured(step, shape, ({ peakMb }) => peakMb),
  },
])

const measuredSteps = new Map()

/** The figure of one run, which is shared by time and memory. */
async function measured(step, shape, figure) {
  const key = `${step} ${shape}`
  if (!measuredSteps.has(key)) measuredSteps.set(key, runStep(step, shape))
  const value = figure(await measuredSteps.get(key))
  return { value, spread: [value, value] }
}

async function runStep(step, shape) {
  const folder = mkdtempSync(join(tmpdir(), 'robench-large-'))
  try {
    writeFileSync(join(folder, 'suite.json'), JSON.stringify(suiteOf(shapes[shape])))
    if (step === 'resume' || step === 'report') inChild(folder, 'fill')
    if (step === 'site') await writeEntries(join(folder, 'entries'), shapes[shape].cells)
    const figures = inChild(folder, step)
    if (step !== 'resume') return figures
    const { cpuMs } = await runStep('plan', 'one')
    return { ...figures, cpuMs: figures.cpuMs - cpuMs }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function suiteOf({ cells: _cells, ...more }) {
  return {
    id: 'large',
    title: 'Large',
    dataset: { id: 'quickstart' },
    limit: 200,
    threatModels: [{ norm: 'Linf', epsilon: '8/255' }],
    defenses: [
      { name: 'd', plugin: 'standard', model: join(root, 'models', 'quickstart-standard.onnx') },
    ],
    checks: false,
    ...more,
  }
}

/** Entries of that many models, as the tests make them. */
async function writeEntries(folder, count) {
  const server = await createViteServer({
    root,
    configFile: false,
    logLevel: 'error',
    server: { middlewareMode: true, ws: false, watch: null },
  })
  try {
    const load = (path) => server.ssrLoadModule(`/${path}`)
    const { manyEntries } = await load('test/leaderboard/many-entries.ts')
    const { entryLocation } = await load('leaderboard/entry.ts')
    for (const entry of manyEntries(count)) {
      const file = join(folder, `${entryLocation(entry)}.json`)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, JSON.stringify(entry))
    }
  } finally {
    await server.close()
  }
}

function inChild(folder, step) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [child, step], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
    env: { ...process.env, ROBENCH_CACHE: join(folder, 'cache') },
  })
  if (status !== 0) throw new Error(`${step} failed:\n${stderr}`)
  return JSON.parse(stdout.trim().split('\n').at(-1))
}
