/**
 * Writes the graphs that sessions on CUDA get, as ONNX files for probe.py: gradients of losses and
 * training steps of the built-in networks.
 *
 *     node test/bench/gpu/cuda/graphs.mjs FOLDER
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gradient } from '../../../../dist/core/engine/graph/gradient.js'
import { g } from '../../../../dist/core/engine/graph/graph.js'
import { importGraph } from '../../../../dist/core/engine/graph/import.js'
import { toOnnx } from '../../../../dist/core/engine/graph/serialize.js'
import { finishFor } from '../../../../dist/core/engine/graph/session.js'
import { readOnnx } from '../../../../dist/core/engine/onnx/file.js'
import { crossEntropy, dlr, margin } from '../../../../dist/core/model/losses.js'
import { packageRoot } from '../../../../dist/core/base/paths.js'
import { resolveOptions } from '../../../../dist/core/plugin/options.js'
import builtins from '../../../../dist/plugins/index.js'
import { imageShape, logitsOf, trainingStep } from '../../networks.mjs'

const folder = process.argv[2]
if (!folder) throw new Error('usage: node test/bench/gpu/cuda/graphs.mjs FOLDER')
mkdirSync(folder, { recursive: true })
const labels = g.input('labels', 'int64', ['n'])
const file = join(packageRoot(), 'models', 'cifar10-pgd-at.onnx')
const shipped = await importGraph(readOnnx(new Uint8Array(readFileSync(file)), 'shipped'), {
  name: 'shipped',
})
await writeGradients('shipped', shipped.outputs.logits, shipped.inputs)
for (const [id, load] of Object.entries(builtins.networks)) {
  const plugin = await load()
  const options = resolveOptions(plugin.meta, {}, id)
  const network = plugin.define({ options, classes: 10, inputShape: imageShape })
  const { images, scope, logits } = logitsOf(network, { training: false, batch: 'n' })
  await writeGradients(id, logits, [images, ...scope.parameters.map(({ value }) => value)])
  const step = trainingStep(network, 8)
  await write(`${id}-step`, step.outputs, step.inputs)
}

async function writeGradients(id, logits, inputs) {
  for (const [name, loss] of Object.entries({ crossEntropy, margin, dlr })) {
    const [slope] = gradient(loss(logits, labels), [inputs[0]])
    await write(`${id}-${name}`, { logits, slope }, [...inputs, labels])
  }
}

async function write(name, outputs, inputs) {
  const finish = await finishFor(Object.values(outputs), { device: 'cuda' })
  writeFileSync(join(folder, `${name}.onnx`), toOnnx(outputs, inputs, {}, finish))
}
