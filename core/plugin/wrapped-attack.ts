/** Attacks within attacks: what a wrapper gets to run. */
import type { AttackTask } from '../attack/task.ts'
import type { Model } from '../model/model.ts'
import { parseResult } from './parse-result.ts'
import type { AttackContext, AttackPlugin, PluginOptions, WrappedAttack } from './contract.ts'
import { guardModel } from './guarded-model.ts'

/** An attack with its options, validated against its schema and defaults filled in. */
export interface ChosenAttack {
  readonly plugin: AttackPlugin<never>
  readonly options: PluginOptions
  /** What a wrapper wraps. */
  readonly inner?: ChosenAttack
}

/** What the host adds to a task for wrappers and for attacks on other models. */
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
 * The attack as its wrapper sees it. It is held to its own stated knowledge of the model that it is given; its answer's
 * form is checked, and the host checks what the wrapper makes of it.
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
        // A wrapper may change the model from run to run.
        setupOnce: (_, learn) => learn(),
      }
      // The options were validated against the plugin's own schema, which their type was read from.
      const answer = await plugin.run(context as AttackContext<never>)
      return parseResult(meta, answer, task.inputs.shape).points
    },
  }
}
