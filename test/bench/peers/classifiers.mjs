/**
 * Compares input gradients of torchvision and timm classifiers with PyTorch's:
 * `node test/bench/peers/classifiers.mjs --python PATH [--names resnet18,swin_t] [--forms dynamo,script]`.
 * With `--folder`, files of an earlier call are used, and new ones are stored there.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { readOnnxFile } from '../../../dist/core/engine/onnx/external-data.js'
import { loadModel } from '../../../dist/core/model/load.js'
import { crossEntropy } from '../../../dist/core/model/losses.js'

const exporter = fileURLToPath(new URL('classifiers.py', import.meta.url))
/** Of the largest component of PyTorch's gradient. */
const tolerance = 1e-3
const labels = Int32Array.of(1, 2)

const { values: options } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    names: { type: 'string' },
    forms: { type: 'string', default: 'dynamo,script' },
    folder: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'robench-classifiers-')))
const rows = []
try {
  await mkdir(folder, { recursive: true })
  if (!readdirSync(folder).some((name) => name.endsWith('.onnx'))) exportAll()
  const names = options.names?.split(',') ?? namesIn(folder)
  for (const name of names) {
    for (const form of options.forms.split(',')) {
      const row = await compare(name, form)
      if (!row) continue
      console.error(`${name} ${form}: ${row.error ?? row.difference.toPrecision(2)}`)
      rows.push(row)
    }
  }
} finally {
  if (options.folder === undefined) await rm(folder, { recursive: true })
}
console.log(options.json ? JSON.stringify(rows, null, 2) : table())
const exported = rows.filter(({ exportFailed }) => !exportFailed)
const agreeing = exported.filter(({ difference }) => difference <= tolerance)
const rounding = exported.filter(
  ({ difference, ours, theirs }) => difference > tolerance && ours <= 2 * theirs,
)
console.log(
  `${agreeing.length} of ${exported.length} files agree with PyTorch to ${tolerance}; ` +
    `${rounding.length} more differ from float64 no more than twice as much as PyTorch does`,
)
if (agreeing.length + rounding.length < exported.length) process.exitCode = 1

function exportAll() {
  const more = options.names === undefined ? [] : ['--names', options.names]
  const argv = [exporter, folder, '--forms', options.forms, ...more]
  const { status } = spawnSync(options.python, argv, { stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0) throw new Error(`${options.python} ${argv.join(' ')} failed`)
}

function namesIn(path) {
  const files = readdirSync(path).filter((name) => name.endsWith('.gradient.npy'))
  return files.map((name) => name.slice(0, -'.gradient.npy'.length)).toSorted()
}

async function compare(name, form) {
  const path = join(folder, `${name}.${form}.onnx`)
  const exported = existsSync(path)
  if (!exported && !existsSync(join(folder, `${name}.${form}.failed`))) return undefined
  if (!exported) return { name, form, error: 'the exporter failed', exportFailed: true }
  const inputs = await readNpy(join(folder, `${name}.x.npy`))
  const expected = await readNpy(join(folder, `${name}.gradient.npy`))
  const logits = await readNpy(join(folder, `${name}.logits.npy`))
  const started = performance.now()
  let model
  try {
    const bytes = await readOnnxFile(path)
    const manifest = { bounds: [0, 1], layout: 'NCHW' }
    model = await loadModel(bytes, manifest, { name, inputShape: inputs.shape.slice(1) })
    const found = await model.gradient(inputs, labels, crossEntropy)
    const exact = await readNpy(join(folder, `${name}.gradient64.npy`))
    return {
      name,
      form,
      seconds: (performance.now() - started) / 1000,
      logitDifference: relative(found.logits.data, logits.data),
      difference: relative(found.gradient.data, expected.data),
      ours: relative(found.gradient.data, exact.data),
      theirs: relative(expected.data, exact.data),
      remarks: model.remarks,
    }
  } catch (error) {
    return { name, form, error: error.message }
  } finally {
    await model?.dispose()
  }
}

/** The largest difference, as a fraction of the largest expected value. */
function relative(actual, expected) {
  let [worst, largest] = [0, 0]
  expected.forEach((value, i) => {
    largest = Math.max(largest, Math.abs(value))
    worst = Math.max(worst, Math.abs(value - actual[i]))
  })
  return worst / largest
}

async function readNpy(path) {
  const bytes = await readFile(path)
  const start = 10 + bytes.readUInt16LE(8)
  const shape = /\(([^)]*)\)/
    .exec(bytes.toString('latin1', 10, start))[1]
    .split(',')
    .filter((size) => size.trim() !== '')
    .map(Number)
  const data = new Float32Array(new Uint8Array(bytes.subarray(start)).buffer)
  return { dtype: 'float32', shape, data }
}

function table() {
  const head = [
    'network',
    'export',
    'logits',
    'gradient',
    'to float64',
    "PyTorch's to float64",
    'time',
  ]
  const result = new Table({ head })
  for (const { name, form, error, seconds, ...row } of rows) {
    if (error) {
      result.push([name, form, { content: error.slice(0, 200), colSpan: 5 }])
      continue
    }
    const { logitDifference, difference, ours, theirs } = row
    const figures = [logitDifference, difference, ours, theirs]
    result.push([
      name,
      form,
      ...figures.map((value) => value.toExponential(1)),
      `${seconds.toFixed(1)} s`,
    ])
  }
  return result.toString()
}
