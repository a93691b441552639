/** The model as a plugin sees it: no more than its stated knowledge allows, and nothing after the cell was stopped. */
import { PluginError } from '../errors.ts'
import type { Model } from '../model/model.ts'
import type { AttackMeta } from './contract.ts'

/**
 * A view of a model for one run of one attack. Every call first checks the signal, so that an attack that never
 * looks at it still stops at its next pass. A black-box attack gets logits only; `dispose` is refused.
 */
export function guardModel(model: Model, meta: AttackMeta, signal: AbortSignal): Model {
  const allow = (name: 'gradient' | 'compile' | 'dispose'): void => {
    signal.throwIfAborted()
    if (name !== 'dispose' && meta.knowledge === 'white-box') return
    const reason =
      name === 'dispose'
        ? 'the model belongs to the host'
        : 'its meta.knowledge is "black-box"; make that "white-box", or use model.logits'
    throw new PluginError(
      'ROBENCH_PLUGIN_CONTRACT',
      `${meta.id} (version ${meta.version}): model.${name} is not for this attack: ${reason}`,
      { details: { pluginId: meta.id } },
    )
  }
  return Object.freeze<Model>({
    inputShape: model.inputShape,
    classes: model.classes,
    bounds: model.bounds,
    hash: model.hash,
    get passes() {
      return model.passes
    },
    async logits(inputs) {
      signal.throwIfAborted()
      return model.logits(inputs)
    },
    async gradient(inputs, labels, loss, targets) {
      allow('gradient')
      return model.gradient(inputs, labels, loss, targets)
    },
    async compile(build) {
      allow('compile')
      const program = await model.compile(build)
      return {
        async run(feeds) {
          signal.throwIfAborted()
          return program.run(feeds)
        },
      }
    },
    async dispose() {
      allow('dispose')
    },
  })
}
