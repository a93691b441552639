/** Throughput on one device: forward, gradient, attacks, a training step, adversarial training. */
import { crossEntropy } from '../../../dist/core/model/losses.js'
import { predictions } from '../../../dist/core/model/predictions.js'
import { Session } from '../../../dist/core/engine/graph/session.js'
import { int64, sliceRows } from '../../../dist/core/engine/tensor/tensor.js'
import { Trainer } from '../../../dist/core/training/trainer.js'
import { resnet18, trainingPhase, trainingStep } from '../networks.mjs'
import { evaluate } from './evaluate.mjs'
import { readExamples } from './examples.mjs'
import { loadNetwork } from './models.mjs'
import { device, examplesFile, medianSeconds, network, record, small } from './part.mjs'

const sizes = small ? [4, 8] : [64, 128, 256, 512, 1000]
const { inputs, labels } = readExamples(examplesFile, small ? 8 : 1000)
const model = await loadNetwork(network, device, 0)
// A network with random weights is right about no label, so its own predictions serve.
const targets = network === 'shipped' ? labels : predictions(await model.logits(inputs))

// The first call with a new shape: CUDA chooses its convolution kernels by trying them.
const firstSeconds = {}
const best = {}
const passes = {
  forward: (x) => model.logits(x),
  gradient: (x, y) => model.gradient(x, y, crossEntropy),
}
for (const [name, pass] of Object.entries(passes)) {
  for (const size of sizes) {
    const [x, y] = [sliceRows(inputs, 0, size), targets.slice(0, size)]
    const started = performance.now()
    await pass(x, y)
    firstSeconds[`${name} ${size}`] = (performance.now() - started) / 1000
    record('firstSeconds', firstSeconds)
    const seconds = await medianSeconds(() => pass(x, y), small ? 0.1 : 0.7)
    const speed = size / seconds
    if (speed > (best[name]?.imagesPerSecond ?? 0))
      best[name] = { batch: size, imagesPerSecond: speed }
    record(name, best[name])
  }
}

const batch = best.gradient.batch
const random = network !== 'shipped'
for (const [id, options] of [
  ['pgd', { steps: small ? 5 : 20, stepSize: random ? 1e-9 : '2/255' }],
  ['apgd-ce', { steps: small ? 5 : 100 }],
  ...(random || small ? [] : [['autoattack', {}]]),
]) {
  // On random weights the ball is so small that nothing is broken: both sides make all steps.
  const epsilon = random ? 1e-8 : 8 / 255
  await evaluate(
    model,
    sliceRows(inputs, 0, Math.min(64, batch)),
    targets.slice(0, Math.min(64, batch)),
    id,
    shorter(id, options),
    batch,
    epsilon,
  )
  const found = await evaluate(model, inputs, targets, id, options, batch, epsilon)
  const robust = [...found.outcomes].filter((outcome) => outcome === 'r').length / targets.length
  record(id, {
    robust,
    batch,
    seconds: found.seconds,
    forward: found.forwardPasses,
    backward: found.backwardPasses,
  })
}
if (random) {
  await measureTrainingStep(small ? 4 : 128)
  await measureAdversarialStep(small ? 4 : 128, small ? 2 : 10)
}

function shorter(id, options) {
  if (id === 'autoattack')
    return { version: 'custom', steps: 2, queries: 2, restarts: 1, targets: 1 }
  return { ...options, steps: 2 }
}

async function measureTrainingStep(size) {
  const { outputs, inputs: placeholders, feeds: state } = trainingStep(resnet18(64), size)
  const step = await Session.compile(outputs, placeholders, { device, threads: 0 })
  const feeds = {
    ...state,
    inputs: sliceRows(inputs, 0, size),
    labels: int64([size], Array.from(targets.slice(0, size))),
  }
  const seconds = await medianSeconds(() => step.run(feeds), small ? 0.1 : 2)
  record('trainingStep', { batch: size, seconds, imagesPerSecond: size / seconds })
}

/** PGD and a step on its examples, as `pgd-at` trains. */
async function measureAdversarialStep(size, steps) {
  const { phase, classifier } = trainingPhase(resnet18(small ? 8 : 64), steps)
  const trainer = await Trainer.create({
    recipe: { phases: [phase], model: (m, images) => m.apply(classifier, [images]) },
    data: {
      shape: [3, 32, 32],
      labels: targets,
      rows: (rows) => sliceRows(inputs, 0, rows.length),
    },
    batch: size,
    seed: 0,
    threads: 0,
    device,
  })
  const { batchesPerRun } = trainer
  const rows = Array.from({ length: size }, (_, row) => row)
  const batches = Array.from({ length: batchesPerRun }, (_, step) => ({
    position: { epoch: 0, step, progress: 0 },
    rows,
  }))
  const run = await medianSeconds(() => trainer.runBatches(batches), small ? 0.1 : 3)
  await trainer.release()
  const seconds = run / batchesPerRun
  const imagesPerSecond = size / seconds
  record('adversarialStep', { batch: size, steps, batchesPerRun, seconds, imagesPerSecond })
}
