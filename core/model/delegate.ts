/** Views of a model that differ from it in some respects. */
import type { Model } from './model.ts'

/**
 * A model that is another one but for what is given. Without windowed passes, unless they are given: a view that answers otherwise than the
 * whole model would have to answer so through windows, too.
 */
export function delegateModel(model: Model, changes: Partial<Model>): Model {
  return {
    inputShape: model.inputShape,
    classes: model.classes,
    bounds: model.bounds,
    hash: model.hash,
    components: model.components,
    stochastic: model.stochastic,
    get passes() {
      return model.passes
    },
    logits: (inputs) => model.logits(inputs),
    gradient: (...request) => model.gradient(...request),
    compile: (build) => model.compile(build),
    variant: (options) => model.variant(options),
    dispose: () => model.dispose(),
    ...changes,
  }
}
