/**
 * The robench side of the comparison: a process that holds the model and attacks a range of
 * examples on request.
 */
import { readFile } from 'node:fs/promises'
import { loadDataset } from '../../../dist/core/data/load.js'
import { loadModel } from '../../../dist/core/model/load.js'
import { predictions } from '../../../dist/core/model/predictions.js'
import { runAttack } from '../../../dist/core/plugin/host.js'
import { resolveOptions } from '../../../dist/core/plugin/options.js'
import builtins from '../../../dist/plugins/index.js'

const [file] = process.argv.slice(2)
const { manifest } = JSON.parse(await readFile(`${file}.json`, 'utf8'))
const model = await loadModel(new Uint8Array(await readFile(file)), manifest, {
  threads: 1,
  inputShape: [3, 32, 32],
})
const dataset = await loadDataset({ id: 'cifar10' }, { split: 'test' })

process.on('message', async (request) => process.send(await evaluate(request)))
process.on('disconnect', () => process.exit(0))
// Sessions are compiled at their first use, which counts as start-up.
await evaluate({ ...warmUp(), start: 0, end: 64 })
process.send({ ready: true })

/** Predicts the clean examples, attacks the correct ones, and returns the host's outcomes. */
async function evaluate({ plugin: id, options, norm, epsilon, batchSize, start, end }) {
  const plugin = await builtins.attacks[id]()
  const began = process.cpuUsage()
  const indices = Int32Array.from({ length: end - start }, (_, place) => start + place)
  const cleanPredictions = new Int32Array(indices.length)
  for (let at = 0; at < indices.length; at += batchSize) {
    const logits = await model.logits(dataset.rows(indices.subarray(at, at + batchSize)))
    cleanPredictions.set(predictions(logits), at)
  }
  const { outcomes } = await runAttack({
    plugin,
    options: resolveOptions(plugin.meta, options, id),
    model,
    inputs: dataset.rows(indices),
    labels: dataset.labels.slice(start, end),
    cleanPredictions,
    exampleIndices: indices,
    threatModel: { norm, epsilon, bounds: [0, 1] },
    seed: 0,
    batchSize,
    signal: new AbortController().signal,
  })
  const { user, system } = process.cpuUsage(began)
  return { outcomes, processorSeconds: (user + system) / 1e6 }
}

function warmUp() {
  return {
    plugin: 'autoattack',
    options: { version: 'custom', steps: 2, queries: 2, restarts: 1, targets: 1 },
    norm: 'Linf',
    epsilon: 0.01,
    batchSize: 64,
  }
}
