/**
 * Compares reference implementations with robench on the weights of the shipped pgd-at network:
 * `npm run bench:peers [-- --examples 1000] [-- --only pgd] [-- --python PATH] [-- --json]`.
 * See README.md.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { loadDataset } from '../../../dist/core/data/load.js'
import { wilsonInterval } from '../../../dist/core/bench/metrics/interval.js'
import { loadModel } from '../../../dist/core/model/load.js'
import { comparisons, ourRequest, theirRequest } from './comparisons.mjs'
import { startOurs, startTheirs } from './sides.mjs'

const modelFile = fileURLToPath(new URL('../../../models/cifar10-pgd-at.onnx', import.meta.url))
const batchSizes = [16, 32, 64, 128, 256]
/** Both networks must agree this well before anything is compared. */
const logitTolerance = 1e-4

const options = readOptions()
const folder = await mkdtemp(join(tmpdir(), 'robench-peers-'))
const best = new Map()
const rows = []
let theirs
let ours
try {
  theirs = await startTheirs(options.python, await writeFiles(), options.theirs)
  const logitDifference = Math.max(...theirs.greetings.map((greeting) => greeting.logitDifference))
  if (!(logitDifference <= logitTolerance)) {
    throw new Error(
      `logits differ by ${logitDifference}, more than ${logitTolerance}: not the same network`,
    )
  }
  console.error(`logits differ by at most ${logitDifference.toPrecision(2)}`)
  ours = await startOurs(modelFile, options.workers)
  for (const comparison of options.chosen) {
    const row = await compare(comparison)
    console.error(summaryOf(row))
    rows.push(row)
  }
} catch (error) {
  console.error(`bench:peers: ${error.message}`)
  process.exitCode = 1
} finally {
  theirs?.close()
  ours?.close()
  await rm(folder, { recursive: true })
}
if (rows.length > 0) console.log(options.json ? JSON.stringify(rows, null, 2) : table(rows))

/** Runs both sides, one after the other, each at its best batch size. */
async function compare(comparison) {
  const { id, title, bar } = comparison
  const { examples } = options
  const theirBatch =
    comparison.theirBatch ??
    (await bestBatch(`theirs ${comparison.reference}`, comparison, (row, batchSize) =>
      theirs.attack(theirRequest(row, { batchSize, examples })),
    ))
  const ourBatch = await bestBatch('ours', comparison, (row, batchSize) =>
    ours.attack(ourRequest(row, { batchSize, examples })),
  )
  const their = await theirs.attack(theirRequest(comparison, { batchSize: theirBatch, examples }))
  const our = await ours.attack(ourRequest(comparison, { batchSize: ourBatch, examples }))
  const sides = {
    theirs: { ...sideOf(their), batchSize: theirBatch },
    ours: { ...sideOf(our), batchSize: ourBatch },
  }
  return {
    id,
    title,
    examples,
    ...sides,
    difference: 100 * (sides.ours.robust / examples - sides.theirs.robust / examples),
    ratio: their.seconds / our.seconds,
    processorRatio: their.processorSeconds / our.processorSeconds,
    bar: bar ?? null,
  }
}

function sideOf({ outcomes, seconds, processorSeconds }) {
  return { robust: outcomes.split('r').length - 1, seconds, processorSeconds }
}

/** The batch size at which a side completes the rehearsal fastest. Results are cached. */
async function bestBatch(side, comparison, attack) {
  const { rehearsal } = comparison
  const key = `${side} ${comparison.threatModel.norm} ${rehearsal.attack}`
  if (!best.has(key)) {
    const timed = []
    for (const batchSize of batchSizes) {
      const { seconds } = await attack({ ...comparison, ...rehearsal }, batchSize)
      timed.push({ batchSize, seconds })
      if (batchSize * options.workers >= options.examples) break
    }
    best.set(key, timed.toSorted((a, b) => a.seconds - b.seconds)[0].batchSize)
  }
  return best.get(key)
}

/** Writes what the reference side reads: the examples, and robench's logits for them. */
async function writeFiles() {
  const { manifest } = JSON.parse(await readFile(`${modelFile}.json`, 'utf8'))
  const model = await loadModel(new Uint8Array(await readFile(modelFile)), manifest, {
    inputShape: [3, 32, 32],
  })
  const dataset = await loadDataset({ id: 'cifar10' }, { split: 'test' })
  const inputs = dataset.rows(Int32Array.from({ length: options.examples }, (_, place) => place))
  const logits = await model.logits(inputs)
  await model.dispose()
  const contents = {
    inputs: inputs.data,
    labels: dataset.labels.slice(0, options.examples),
    logits: logits.data,
  }
  const files = { model: modelFile }
  for (const [name, data] of Object.entries(contents)) {
    files[name] = join(folder, name)
    await writeFile(files[name], new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  }
  return files
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        examples: { type: 'string', default: '1000' },
        only: { type: 'string', multiple: true },
        workers: { type: 'string', default: '2' },
        'their-processes': { type: 'string', default: '1' },
        python: { type: 'string', default: 'python3' },
        json: { type: 'boolean' },
      },
    })
    const examples = Number(values.examples)
    if (!Number.isInteger(examples) || examples < 64 || examples > 10_000) {
      throw new Error(`--examples: expected an integer from 64 to 10000, got ${values.examples}`)
    }
    const matches = ({ id, attack }, name) => name === id || name === attack
    for (const name of values.only ?? []) {
      if (comparisons.some((row) => matches(row, name))) continue
      throw new Error(
        `--only: unknown comparison "${name}" ` +
          `(known: ${comparisons.map(({ id }) => id).join(', ')})`,
      )
    }
    const chosen = values.only
      ? comparisons.filter((row) => values.only.some((name) => matches(row, name)))
      : comparisons
    const workers = readCount('workers', values.workers)
    const processes = readCount('their-processes', values['their-processes'])
    if (workers % processes !== 0) {
      throw new Error(
        `--their-processes: expected a divisor of --workers ${workers}, got ${processes}`,
      )
    }
    return {
      ...values,
      examples,
      workers,
      theirs: { processes, threads: workers / processes },
      chosen,
    }
  } catch (error) {
    console.error(`bench:peers: ${error.message}`)
    process.exit(2)
  }
}

function readCount(name, text) {
  const count = Number(text)
  if (Number.isInteger(count) && count > 0) return count
  throw new Error(`--${name}: expected a positive integer, got ${text}`)
}

function summaryOf({ id, ratio, processorRatio, difference, theirs: their, ours: our }) {
  const points = difference.toFixed(1)
  return (
    `${id}: ${their.seconds.toFixed(1)} s / ${our.seconds.toFixed(1)} s = ${ratio.toFixed(2)} ` +
    `(${processorRatio.toFixed(2)} by processor time), ${points} points`
  )
}

function table(items) {
  const view = new Table({
    head: [
      'attack / reference',
      'budget',
      'robust: theirs',
      'ours',
      'points',
      'seconds: theirs',
      'ours',
      'times as fast',
      'by processor time',
      'bar',
    ],
    style: { head: [], border: [] },
  })
  for (const {
    id,
    title,
    examples,
    theirs: their,
    ours: our,
    difference,
    ratio,
    processorRatio,
    bar,
  } of items) {
    view.push([
      id,
      title,
      accuracy(their.robust, examples),
      accuracy(our.robust, examples),
      difference.toFixed(1),
      `${their.seconds.toFixed(1)} (batch ${their.batchSize})`,
      `${our.seconds.toFixed(1)} (batch ${our.batchSize})`,
      ratio.toFixed(2),
      processorRatio.toFixed(2),
      bar === null ? '' : `${bar} ${ratio >= bar ? 'holds' : 'missed'}`,
    ])
  }
  return view.toString()
}

function accuracy(robust, examples) {
  const { low, high } = wilsonInterval(robust, examples)
  const percent = (share) => (100 * share).toFixed(1)
  return `${percent(robust / examples)} % (${percent(low)} to ${percent(high)})`
}
