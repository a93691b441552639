/**
 * Writes the graphs that sessions on CUDA get, as ONNX files for probe.py: gradients of losses and
 * training steps of the built-in networks, and steps of attacks.
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
import { cautiousLogits, scaledGradient } from '../../../../dist/core/model/half-gradient.js'
import { crossEntropy, dlr, dlrTargeted, margin } from '../../../../dist/core/model/losses.js'
import { repeatStep, stepPrecision } from '../../../../dist/core/model/step-programs.js'
import { packageRoot } from '../../../../dist/core/base/paths.js'
import { resolveOptions } from '../../../../dist/core/plugin/options.js'
import { apgdDefinition } from '../../../../dist/plugins/attacks/apgd/device-steps.js'
import { ascentDefinition } from '../../../../dist/plugins/attacks/gradient/device-ascent.js'
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
await writeSteps(shipped.outputs.logits, shipped.inputs[0])
await writeHalf('shipped', shipped.outputs.logits, shipped.inputs[0])
for (const [id, load] of Object.entries(builtins.networks)) {
  const plugin = await load()
  const options = resolveOptions(plugin.meta, {}, id)
  const network = plugin.define({ options, classes: 10, inputShape: imageShape })
  const { images, scope, logits } = logitsOf(network, { training: false, batch: 'n' })
  await writeGradients(id, logits, [images, ...scope.parameters.map(({ value }) => value)])
  await writeHalf(
    id,
    logits,
    images,
    scope.parameters.map(({ value }) => value),
  )
  const step = trainingStep(network, 8)
  await write(`${id}-step`, step.outputs, step.inputs)
}

async function writeGradients(id, logits, inputs) {
  for (const [name, loss] of Object.entries({ crossEntropy, margin, dlr })) {
    const [slope] = gradient(loss(logits, labels), [inputs[0]])
    await write(`${id}-${name}`, { logits, slope }, [...inputs, labels])
  }
}

/** A gradient pass in half precision. */
async function writeHalf(id, logits, images, parameters = []) {
  const losses = crossEntropy(logits, labels)
  const slope = scaledGradient(losses, logits, images, {})
  const cautious = cautiousLogits({ logits, losses }, labels, labels)
  const outputs = { logits: cautious, losses, slope }
  await write(`${id}-half`, outputs, [images, ...parameters, labels], true)
}

/** Two steps of each kind, with all that a kind can have. */
async function writeSteps(logits, images) {
  const kinds = {}
  for (const norm of ['Linf', 'L2']) {
    for (const loss of ['cross-entropy', 'margin', 'dlr']) {
      const kind = { norm, loss, targeted: loss === 'margin', stops: true }
      kinds[`ascent-${norm}-${loss}`] = ascentDefinition({ ...kind, hasMomentum: loss === 'dlr' })
    }
    kinds[`apgd-${norm}`] = apgdDefinition(norm, crossEntropy)
    kinds[`apgd-t-${norm}`] = apgdDefinition(norm, dlrTargeted)
  }
  const targets = g.input('targets', 'int64', ['n'])
  for (const [name, definition] of Object.entries(kinds)) {
    const losses = definition.loss(logits, labels, targets)
    const [slope] = gradient(losses, [images])
    const pass = { inputs: [images, labels, targets], outputs: { logits, losses, gradient: slope } }
    const { inputs, outputs } = repeatStep(pass, definition, 2, stepPrecision('cuda'))
    await write(`steps-${name}`, outputs, inputs)
  }
}

async function write(name, outputs, inputs, half = false) {
  const finish = await finishFor(Object.values(outputs), { device: 'cuda', half })
  writeFileSync(join(folder, `${name}.onnx`), toOnnx(outputs, inputs, {}, finish))
}
