/**
 * Measures the speed figures of the project: `npm run bench [-- --json] [-- --only ID]`.
 *
 * Each file in `files` exports `benches`: records of id, title, unit, bar (`{ atMost }`,
 * `{ atLeast }`, or null), and `run`, which returns `{ value, spread }`. The optional `missing`
 * returns why the benchmark cannot run here; that row is then skipped.
 */
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { didYouMean } from '../../dist/core/base/errors.js'

const files = [
  './dense-convolution-ratio.mjs',
  './gradient-ratio.mjs',
  './training-step-ratio.mjs',
  './windowed-ratio.mjs',
  './winograd-ratio.mjs',
  './queue-ratio.mjs',
  './session-time.mjs',
  './large-suites.mjs',
]

const benches = (await Promise.all(files.map((file) => import(file)))).flatMap(
  (module) => module.benches,
)
const options = readOptions()
const chosen = options.only ? benches.filter(({ id }) => options.only.includes(id)) : benches
const rows = []
for (const bench of chosen) {
  const reason = await bench.missing?.()
  if (reason) {
    console.error(`${bench.id}: skipped, ${reason}`)
    continue
  }
  console.error(`${bench.id}: running`)
  const { value, spread } = await bench.run()
  rows.push({
    id: bench.id,
    value: round(value),
    unit: bench.unit,
    bar: bench.bar,
    holds: holds(value, bench.bar),
    spread: spread.map(round),
  })
}
console.log(options.json ? JSON.stringify(rows, null, 2) : table(rows))

function readOptions() {
  try {
    const { values } = parseArgs({
      options: { json: { type: 'boolean' }, only: { type: 'string', multiple: true } },
    })
    const ids = benches.map(({ id }) => id)
    const unknown = values.only?.find((id) => !ids.includes(id))
    if (unknown !== undefined)
      throw new Error(
        `unknown benchmark "${unknown}"${didYouMean(unknown, ids)} (known: ${ids.join(', ')})`,
      )
    return values
  } catch (error) {
    console.error(`bench: ${error.message}`)
    process.exit(2)
  }
}

function holds(value, bar) {
  if (!bar) return null
  return 'atMost' in bar ? value <= bar.atMost : value >= bar.atLeast
}

function round(value) {
  return Number(value.toPrecision(3))
}

function table(items) {
  const view = new Table({
    head: ['figure', 'value', 'spread', 'bar', 'holds'],
    style: { head: [], border: [] },
  })
  const titles = new Map(benches.map(({ id, title }) => [id, title]))
  for (const { id, value, unit, bar, holds: good, spread } of items) {
    const limit = bar === null ? '' : 'atMost' in bar ? `≤ ${bar.atMost}` : `≥ ${bar.atLeast}`
    view.push([
      `${id}\n${titles.get(id)}`,
      `${value} ${unit}`,
      spread.join(' to '),
      limit,
      good === null ? '' : good ? 'yes' : 'no',
    ])
  }
  return view.toString()
}
