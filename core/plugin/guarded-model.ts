/** The view of a model that a plugin gets: limited by its declared knowledge and its signal. */
import { PluginError } from '../base/errors.ts'
import { delegateModel } from '../model/delegate.ts'
import type { Model, Program } from '../model/model.ts'
import { deviceSteps, type SteppingModel } from '../model/step-programs.ts'
import { incrementalPasses, type IncrementalModel } from '../model/window-queries.ts'
import type { AttackMeta } from './contract.ts'
import type { QueryObserver } from './query-observer.ts'

/** Hooks by which the host observes an attack's use of its model. */
export interface ModelWatch {
  /** Receives each batch of points with its logits, but not those of variants and programs. */
  readonly observe?: QueryObserver['observe']
  /** Receives each compiled program, and whatever else must be released. */
  compiled?(program: Pick<Program, 'release'>): void
}

/**
 * A view of a model for one run of one attack. Every call first checks the signal, so an attack
 * that ignores it still stops at its next pass. Black-box attacks get logits only; `dispose`
 * throws. Variants are guarded in the same way.
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
        : 'its meta.knowledge is "black-box"; declare "white-box", or use model.logits'
    throw new PluginError(
      'ROBENCH_PLUGIN_CONTRACT',
      `${meta.id} (version ${meta.version}): model.${name} is not available: ${reason}`,
      { details: { pluginId: meta.id } },
    )
  }
  const { [deviceSteps]: openSteps }: SteppingModel = model
  const changes: Partial<IncrementalModel & SteppingModel> = {
    async logits(inputs) {
      signal.throwIfAborted()
      const logits = await model.logits(inputs)
      watch.observe?.(inputs, logits)
      return logits
    },
    async gradient(inputs, labels, loss, targets) {
      allow('gradient')
      const result = await model.gradient(inputs, labels, loss, targets)
      watch.observe?.(inputs, result.logits)
      return result
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
    [deviceSteps]:
      openSteps &&
      (async (definition, steps) => {
        allow('gradient')
        const program = await openSteps(definition, steps)
        return {
          ...program,
          async run(feeds) {
            signal.throwIfAborted()
            return program.run(feeds)
          },
        }
      }),
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
