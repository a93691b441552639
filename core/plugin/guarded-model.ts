/** The model as a plugin sees it: no more than its stated knowledge allows, and nothing after the cell was stopped. */
import { PluginError } from '../base/errors.ts'
import { delegateModel } from '../model/delegate.ts'
import type { Model, Program } from '../model/model.ts'
import { incrementalPasses, type IncrementalModel } from '../model/window-queries.ts'
import type { AttackMeta } from './contract.ts'
import type { QueryObserver } from './query-observer.ts'

/** What the host learns of an attack's dealings with its model. */
export interface ModelWatch {
  /** Shown each batch of points with the model's logits; those of variants and compiled programs are not. */
  readonly observe?: QueryObserver['observe']
  /** Given each program that is compiled, and whatever else is to be released. */
  compiled?(program: Pick<Program, 'release'>): void
}

/**
 * A view of a model for one run of one attack. Every call first checks the signal, so that an attack that never
 * looks at it still stops at its next pass. A black-box attack gets logits only; `dispose` is refused. Variants are guarded alike.
 */
export function guardModel(
  model: Model,
  meta: AttackMeta,
  signal: AbortSignal,
  watch: ModelWatch = {},
): Model {
  const allow = (name: 'gradient' | 'compile' | 'variant' | 'dispose'): void => {
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
  const changes: Partial<IncrementalModel> = {
    async logits(inputs) {
      signal.throwIfAborted()
      const logits = await model.logits(inputs)
      watch.observe?.(inputs, logits)
      return logits
    },
    async gradient(inputs, labels, loss, targets) {
      allow('gradient')
      const answer = await model.gradient(inputs, labels, loss, targets)
      watch.observe?.(inputs, answer.logits)
      return answer
    },
    async compile(build) {
      allow('compile')
      const program = await model.compile(build)
      watch.compiled?.(program)
      return {
        async run(feeds) {
          signal.throwIfAborted()
          return program.run(feeds)
        },
        release: () => program.release(),
      }
    },
    async [incrementalPasses](sides) {
      signal.throwIfAborted()
      const queries = await (model as IncrementalModel)[incrementalPasses]?.(sides)
      if (!queries) return undefined
      watch.compiled?.(queries)
      return {
        async logits(points, searches) {
          signal.throwIfAborted()
          const logits = await queries.logits(points, searches)
          watch.observe?.(points, logits)
          return logits
        },
        accept: (search) => queries.accept(search),
        release: () => queries.release(),
      }
    },
    variant(options) {
      allow('variant')
      const { compiled } = watch
      return guardModel(model.variant(options), meta, signal, compiled ? { compiled } : {})
    },
    async dispose() {
      allow('dispose')
    },
  }
  return Object.freeze(delegateModel(model, changes))
}
