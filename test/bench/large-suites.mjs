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

/** Runs of each step: the time that the system takes for files differs from run to run. */
const runsOfStep = 3

/** The median of a few runs, which time and memory share. */
async function measured(step, shape, figure) {
  const key = `${step} ${shape}`
  if (!measuredSteps.has(key)) measuredSteps.set(key, runStep(step, shape))
  const values = (await measuredSteps.get(key)).map(figure).toSorted((a, b) => a - b)
  return { value: values[(runsOfStep - 1) / 2], spread: [values[0], values.at(-1)] }
}

async function runStep(step, shape) {
  const folder = temporaryFolder()
  const small = join(folder, 'small')
  writeSuite(folder, shape)
  writeSuite(small, 'one')
  if (step === 'resume' || step === 'report') inChild(folder, 'fill')
  if (step === 'site') await writeEntries(join(folder, 'entries'), shapes[shape].cells)
  return Array.from({ length: runsOfStep }, (_, run) => {
    const figures = inChild(folder, step, `out-${run}`)
    if (step !== 'resume') return figures
    return { ...figures, cpuMs: figures.cpuMs - inChild(small, 'plan').cpuMs }
  })
}

/**
 * Removed at the end: on ext4, creating a file takes up to 0.3 ms longer soon after others were
 * deleted.
 */
function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'robench-large-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function writeSuite(folder, shape) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'suite.json'), JSON.stringify(suiteOf(shapes[shape])))
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

function inChild(folder, step, out = 'out') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [child, step, out], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
    env: { ...process.env, ROBENCH_CACHE: join(folder, 'cache') },
  })
  if (status !== 0) throw new Error(`${step} failed:\n${stderr}`)
  return JSON.parse(stdout.trim().split('\n').at(-1))
}
