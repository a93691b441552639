/**
 * Compares passes of networks with PyTorch on the same weights, one thread each:
 * `npm run bench:networks [-- --only vgg11] [-- --python PATH] [-- --repeats 7] [-- --json]`.
 * Forward passes and input gradients of both sides alternate; ratios are of processor times.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { float32 } from '../../../dist/core/engine/tensor/tensor.js'
import { loadModel } from '../../../dist/core/model/load.js'
import { crossEntropy } from '../../../dist/core/model/losses.js'
import { plainManifest } from '../../../dist/core/model/manifest.js'

const batch = 32
/** Of gradients, relative. */
const tolerance = 1e-2
/** Largest forward + input gradient over forward; least ratio of PyTorch's time to robench's. */
const bars = {
  'resnet18-16': 2.2,
  'resnet18-64': 2.2,
  vgg11: 2.2,
  'wide-resnet-16-4': 2.2,
  'mobilenet-v2': 2.8,
  'vit-tiny': 2.8,
}
const peerBar = 1.3

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: Object.keys(bars) },
    python: { type: 'string', default: 'python3' },
    repeats: { type: 'string', default: '7' },
    json: { type: 'boolean' },
  },
})
const folder = await mkdtemp(join(tmpdir(), 'robench-networks-'))
const script = fileURLToPath(new URL('./network_passes.py', import.meta.url))
const python = spawn(values.python, [script, '--folder', folder, '--batch', String(batch)], {
  stdio: ['pipe', 'pipe', 'ignore'],
})
const replies = createInterface({ input: python.stdout })[Symbol.asyncIterator]()
const rows = []
try {
  for (const name of values.only) {
    rows.push(await compare(name, Number(values.repeats)))
    console.error(JSON.stringify(rows.at(-1)))
  }
} finally {
  python.stdin.end()
  await rm(folder, { recursive: true })
}
console.log(values.json ? JSON.stringify(rows, null, 2) : table(rows))

async function compare(name, repeats) {
  const theirs = async (pass) => {
    python.stdin.write(`${JSON.stringify({ network: name, pass })}\n`)
    const { value, done } = await replies.next()
    if (done) throw new Error(`${script} ended; run it by hand to see why`)
    return JSON.parse(value).seconds
  }
  await theirs('gradient')
  const expected = await readFloats('result')
  const inputs = float32([batch, 3, 32, 32], await readFloats('images'))
  const labels = Int32Array.from({ length: batch }, (_, i) => i % 10)
  const file = new Uint8Array(await readFile(join(folder, `${name}.onnx`)))
  const model = await loadModel(file, plainManifest, { name })
  const gradient = () => model.gradient(inputs, labels, crossEntropy)
  const difference = relativeDifference((await gradient()).gradient.data, expected)
  if (!(difference <= tolerance)) throw new Error(`${name}: gradients differ by ${difference}`)
  const times = { forward: [], gradient: [], theirForward: [], theirGradient: [] }
  await model.logits(inputs)
  await theirs('forward')
  for (let i = 0; i < repeats; i++) {
    times.forward.push(await processorTime(() => model.logits(inputs)))
    times.gradient.push(await processorTime(gradient))
    times.theirForward.push(await theirs('forward'))
    times.theirGradient.push(await theirs('gradient'))
  }
  await model.dispose()
  const ratio = (above, below) => median(times[above].map((time, i) => time / times[below][i]))
  const gradientOverForward = ratio('gradient', 'forward')
  const fasterThanPyTorch = ratio('theirGradient', 'gradient')
  return {
    network: name,
    difference,
    forwardMs: 1000 * median(times.forward),
    gradientOverForward,
    bar: bars[name],
    theirGradientOverForward: ratio('theirGradient', 'theirForward'),
    fasterThanPyTorch,
    holds: gradientOverForward <= bars[name] && fasterThanPyTorch >= peerBar,
  }
}

async function readFloats(name) {
  const { buffer, byteOffset, byteLength } = await readFile(join(folder, name))
  return new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength))
}

/** In L2, relative: a ReLU input near 0 may have another sign, which changes a few components. */
function relativeDifference(actual, expected) {
  let [size, error] = [0, 0]
  expected.forEach((value, i) => {
    size += value ** 2
    error += (value - actual[i]) ** 2
  })
  return Math.sqrt(error / size)
}

async function processorTime(run) {
  const start = process.cpuUsage()
  await run()
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1e6
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]
}

function table(items) {
  const head = ['network', 'gradient / forward', 'bar', 'PyTorch', 'times as fast', 'bar', 'holds']
  const view = new Table({ head, style: { head: [], border: [] } })
  for (const row of items) {
    view.push([
      row.network,
      row.gradientOverForward.toFixed(2),
      `≤ ${row.bar}`,
      row.theirGradientOverForward.toFixed(2),
      row.fasterThanPyTorch.toFixed(2),
      `≥ ${peerBar}`,
      row.holds ? 'yes' : 'no',
    ])
  }
  return view.toString()
}
