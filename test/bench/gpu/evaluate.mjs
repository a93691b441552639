/** One attack through the host, timed: clean predictions, the attack, the host's checks. */
import { resolveOptions } from '../../../dist/core/plugin/options.js'
import { runAttack } from '../../../dist/core/plugin/host.js'
import { predictions } from '../../../dist/core/model/predictions.js'
import { sliceRows } from '../../../dist/core/engine/tensor/tensor.js'
import builtins from '../../../dist/plugins/index.js'

export async function evaluate(model, inputs, labels, id, options, batchSize, epsilon = 8 / 255) {
  const plugin = await builtins.attacks[id]()
  const started = performance.now()
  const cleanPredictions = new Int32Array(labels.length)
  for (let at = 0; at < labels.length; at += batchSize) {
    const end = Math.min(labels.length, at + batchSize)
    cleanPredictions.set(predictions(await model.logits(sliceRows(inputs, at, end))), at)
  }
  const { outcomes, forwardPasses, backwardPasses } = await runAttack({
    plugin,
    options: resolveOptions(plugin.meta, options, id),
    model,
    inputs,
    labels,
    cleanPredictions,
    exampleIndices: Int32Array.from(labels, (_, place) => place),
    threatModel: { norm: 'Linf', epsilon, bounds: [0, 1] },
    seed: 0,
    batchSize,
    signal: new AbortController().signal,
  })
  const seconds = (performance.now() - started) / 1000
  return { outcomes, forwardPasses, backwardPasses, seconds }
}
