/** Attacks that other attacks wrap. */
import type { AttackTask } from '../attack/task.ts'
import type { Model } from '../model/model.ts'
import { parseResult } from './parse-result.ts'
import type { AttackContext, AttackPlugin, PluginOptions, WrappedAttack } from './contract.ts'
import { guardModel } from './guarded-model.ts'

/** An attack with its options, validated and with defaults filled in. */
export interface ChosenAttack {
  readonly plugin: AttackPlugin<never>
  readonly options: PluginOptions
  /** The attack that it wraps. */
  readonly inner?: ChosenAttack
}

/** Additions of the host to the context of wrappers and of attacks on other models. */
export function attackExtras(
  { plugin, inner }: ChosenAttack,
  surrogates: readonly Model[] | undefined,
  signal: AbortSignal,
): Pick<AttackContext, 'inner' | 'surrogates'> {
  const { meta } = plugin
  const guarded = surrogates?.map((model) =>
    guardModel(model, { ...meta, knowledge: 'white-box' }, signal),
  )
  return {
    ...(inner && { inner: wrap(inner) }),
    ...(guarded && { surrogates: guarded }),
  }
}

/**
 * The attack as its wrapper sees it. Its own declared knowledge limits its view of the model. The
 * form of its result is checked; the host verifies only what the wrapper returns.
 */
function wrap({ plugin, options, inner }: ChosenAttack): WrappedAttack {
  const { meta } = plugin
  return {
    meta,
    async run(task: AttackTask, name = '') {
      const context: AttackContext = {
        ...task,
        model: guardModel(task.model, meta, task.signal),
        options: structuredClone(options),
        rng: {
          stream: (row, restart, use = '') =>
            task.rng.stream(row, restart, [meta.id, name, use].join('/')),
        },
        ...(inner && { inner: wrap(inner) }),
        // A wrapper may pass another model in each run.
        setupOnce: (_, compute) => compute(),
      }
      // The options were validated against the plugin's own schema, which their type was read from.
      const result = await plugin.run(context as AttackContext<never>)
      return parseResult(meta, result, task.inputs.shape).points
    },
  }
}
