/**
 * Compares training steps with PyTorch on the same network and weights:
 * `npm run bench:training [-- --only resnet18-16] [-- --python PATH] [-- --repeats 9] [-- --json]`.
 * See README.md.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { Trainer } from '../../../dist/core/training/trainer.js'
import { imageVariable } from '../../../dist/core/training/attack-variable.js'
import { batchMean } from '../../../dist/core/training/objectives.js'
import { classifierModule } from '../../../dist/core/training/module.js'
import { sgd } from '../../../dist/core/training/optimizer.js'
import { crossEntropy } from '../../../dist/core/model/losses.js'
import { cifarResnet, imageShape, randomBatch } from '../networks.mjs'

const batch = 128
const threatModel = { norm: 'Linf', epsilon: 8 / 255, bounds: [0, 1] }
const attackSteps = 10
const stepSize = 2 / 255
const networks = {
  shipped: { width: 32, blocks: [1, 1, 1], stemStride: 2 },
  'resnet18-16': { width: 16, blocks: [2, 2, 2, 2], stemStride: 1 },
  'resnet18-64': { width: 64, blocks: [2, 2, 2, 2], stemStride: 1 },
}
/** The required ratio of robench's processor time to PyTorch's. */
const bars = { clean: 1, adversarial: 0.6 }
/** The losses of the first step must agree this well. */
const lossTolerance = 1e-4

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: Object.keys(networks) },
    python: { type: 'string', default: 'python3' },
    repeats: { type: 'string', default: '7' },
    json: { type: 'boolean', default: false },
  },
})
const rows = []
for (const id of options.only) rows.push(...(await compare(id)))
const processor = cpus()[0].model.trim()
console.log(options.json ? JSON.stringify({ processor, rows }, null, 2) : table(rows))

/** Both kinds of step for one network, in interleaved pairs. */
async function compare(id) {
  const folder = await mkdtemp(join(tmpdir(), 'robench-training-'))
  const ours = await startOurs(networks[id])
  const theirs = await startTheirs(networks[id], ours, folder)
  try {
    const [own, their] = [await ours.step('clean'), await theirs.step('clean')]
    if (!(Math.abs(own.loss - their.loss) <= lossTolerance)) {
      throw new Error(`${id}: losses ${own.loss} and ${their.loss}: not the same network`)
    }
    const found = []
    for (const kind of Object.keys(bars)) {
      await Promise.all([ours.step(kind), theirs.step(kind)])
      const pairs = []
      for (let i = 0; i < Number(options.repeats); i++) {
        const theirSeconds = (await theirs.step(kind)).processorSeconds
        pairs.push([(await ours.step(kind)).processorSeconds, theirSeconds])
      }
      const row = { id: `${id}/${kind}`, ...summary(pairs), bar: bars[kind] }
      console.error(`${row.id}: ${row.ratio.toFixed(2)}`)
      found.push(row)
    }
    return found
  } finally {
    theirs.close()
    await ours.close()
    await rm(folder, { recursive: true })
  }
}

async function startOurs(settings) {
  const classifier = classifierModule(cifarResnet(settings), {
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
  })
  const { inputs, labels } = randomBatch(batch)
  const data = {
    shape: imageShape,
    labels: Int32Array.from(labels.data, Number),
    rows: () => ({ ...inputs, data: inputs.data.slice() }),
  }
  const trainers = {}
  for (const kind of Object.keys(bars)) {
    const recipe = recipeOf(classifier, kind)
    trainers[kind] = await Trainer.create({ recipe, data, batch, seed: 0, threads: 1 })
  }
  const rows = Array.from({ length: batch }, (_, i) => i)
  async function step(kind) {
    const began = process.cpuUsage()
    const report = await trainers[kind].runBatch({ epoch: 0, step: 0, progress: 0 }, rows)
    const { user, system } = process.cpuUsage(began)
    return { loss: report.loss, processorSeconds: (user + system) / 1e6 }
  }
  const close = () => Promise.all(Object.values(trainers).map((trainer) => trainer.release()))
  return { weights: [...trainers.clean.state.weights.values()], inputs, step, close }
}

/** One phase, on clean images or on those of the inner attack. */
function recipeOf(classifier, kind) {
  const group = {
    name: 'weights',
    modules: [classifier],
    optimizer: sgd({ momentum: 0.9, weightDecay: 5e-4, nesterov: true }),
    rate: 0.01,
  }
  const attack = {
    name: 'inner attack',
    steps: attackSteps,
    variables: { images: imageVariable({ threatModel, stepSize }) },
    loss: (m, { images, labels }) => crossEntropy(m.apply(classifier, [images]), labels),
  }
  const phase = {
    name: 'training step',
    inputs: { inputs: { shape: imageShape } },
    async prepare(current) {
      const images = current.images()
      if (kind === 'clean') return { inputs: images }
      const { labels } = current
      const random = current.random('start')
      return { inputs: (await current.attack(attack, { images, labels, random })).images }
    },
    steps: [
      {
        updates: [group],
        loss(m, { inputs, labels }) {
          const logits = m.apply(classifier, [inputs], { training: true })
          return { loss: batchMean(crossEntropy(logits, labels)), logits }
        },
      },
    ],
  }
  return { phases: [phase], model: (m, images) => m.apply(classifier, [images]) }
}

async function startTheirs(settings, { weights, inputs }, folder) {
  const [weightFile, inputFile] = ['weights', 'inputs'].map((name) => join(folder, name))
  await writeFile(weightFile, Buffer.concat(weights.map(bytesOf)))
  await writeFile(inputFile, bytesOf(inputs))
  const script = fileURLToPath(new URL('./training.py', import.meta.url))
  const child = spawn(
    options.python,
    [script, '--network', JSON.stringify(settings), '--weights', weightFile, '--inputs', inputFile],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  async function next() {
    const { value, done } = await lines.next()
    if (done) throw new Error('the PyTorch process ended')
    return JSON.parse(value)
  }
  await next()
  const step = (kind) => {
    child.stdin.write(`${JSON.stringify({ kind })}\n`)
    return next()
  }
  return { step, close: () => child.stdin.end() }
}

function bytesOf({ data }) {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}

/** Medians, and the middle half of the ratios. */
function summary(pairs) {
  const at = (values, fraction) =>
    values.toSorted((a, b) => a - b)[Math.round((values.length - 1) * fraction)]
  const ratios = pairs.map(([ours, theirs]) => ours / theirs)
  return {
    ours: at(
      pairs.map(([ours]) => ours),
      0.5,
    ),
    theirs: at(
      pairs.map(([, theirs]) => theirs),
      0.5,
    ),
    ratio: at(ratios, 0.5),
    spread: [at(ratios, 0.25), at(ratios, 0.75)],
  }
}

function table(items) {
  const view = new Table({
    head: ['step', 'robench, ms', 'PyTorch, ms', 'ratio', 'middle half', 'bar', 'holds'],
    style: { head: [], border: [] },
  })
  for (const { id, ours, theirs, ratio, spread, bar } of items) {
    view.push([
      id,
      (1000 * ours).toFixed(0),
      (1000 * theirs).toFixed(0),
      ratio.toFixed(2),
      spread.map((value) => value.toFixed(2)).join(' to '),
      `≤ ${bar}`,
      ratio <= bar ? 'yes' : 'no',
    ])
  }
  return `${processor}, 1 thread, batch ${batch}, processor time\n${view.toString()}`
}
