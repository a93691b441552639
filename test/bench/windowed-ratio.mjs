/**
 * A query of Square that changes one small square, over a whole forward pass of the same points.
 */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { g } from '../../dist/core/engine/graph/graph.js'
import { foldBatchNormalization, substitute } from '../../dist/core/engine/graph/rewrite.js'
import { toOnnx } from '../../dist/core/engine/graph/serialize.js'
import { loadModel } from '../../dist/core/model/load.js'
import { plainManifest } from '../../dist/core/model/manifest.js'
import { incrementalPasses } from '../../dist/core/model/window-queries.js'
import { logitsOf, randomBatch, resnet18 } from './networks.mjs'
import { interleavedRatio } from './timing.mjs'

const side = 4
const size = 32

export const benches = [
  bench('cifar10-pgd-at', 64, 41, loadShipped),
  bench('resnet18-64', 16, 9, loadResnet),
]

function bench(name, batch, repeats, load) {
  return {
    id: `windowed-ratio-${name}`,
    title:
      `query with a square of ${side} pixels over a whole forward pass, ` +
      `${name}, batch ${batch}, 1 thread`,
    unit: '×',
    bar: null,
    run: async () => measure(await load(), batch, repeats),
  }
}

async function measure(model, batch, repeats) {
  const passes = await model[incrementalPasses](new Map([[side, 1]]))
  if (!passes) throw new Error('the model does not support incremental passes')
  const { inputs } = randomBatch(batch)
  const searches = Array.from({ length: batch }, (_, row) => ({
    window: { top: (7 * row) % (size - side + 1), left: (11 * row) % (size - side + 1), side },
  }))
  // The first queries are whole passes that fill the cache.
  await passes.logits(inputs, searches)
  for (const search of searches) passes.accept(search)
  const ratio = await interleavedRatio({
    numerator: () => several(() => passes.logits(inputs, searches)),
    denominator: () => several(() => model.logits(inputs)),
    repeats,
  })
  await model.dispose()
  return ratio
}

/** Runs of some milliseconds each are too short to be timed alone. */
async function several(run) {
  for (let i = 0; i < 5; i++) await run()
}

async function loadShipped() {
  const file = fileURLToPath(new URL('../../models/cifar10-pgd-at.onnx', import.meta.url))
  const { manifest } = JSON.parse(await readFile(`${file}.json`, 'utf8'))
  return loadModel(new Uint8Array(await readFile(file)), manifest, { threads: 1 })
}

async function loadResnet() {
  const { images, scope, logits } = logitsOf(resnet18(64), { training: false, batch: 'n' })
  const constants = new Map(
    scope.parameters.map(({ value, initial }) => [value, g.constant(initial)]),
  )
  const [folded] = foldBatchNormalization(substitute([logits], constants))
  return loadModel(toOnnx({ logits: folded }, [images]), plainManifest, { threads: 1 })
}
