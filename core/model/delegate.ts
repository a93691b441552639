/** Views of a model that differ from it in some respects. */
import type { Model } from './model.ts'

/**
 * A view of a model: every member is the model's own unless `changes` replaces it. Window queries
 * on a view are whole passes, because the view may replace the logits.
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
