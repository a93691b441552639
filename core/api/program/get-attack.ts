/** `getAttack`: one attack by id, run on arrays. */
import { refuseUnknownKeys } from '../../base/unknown-keys.ts'
import type { AttackMeta, PluginOptions } from '../../plugin/contract.ts'
import type { AttackEvaluation } from './attack-examples.ts'
import { evaluateAs, settingKeys } from './evaluate.ts'
import type { ExampleArrays, ModelSource, ProgramSettings, ThreatModelInput } from './request.ts'
import { openPlugins } from './resolve-request.ts'

/** How to run an attack: threat model, options, and the settings of `evaluate`. */
export interface AttackRun extends Omit<ProgramSettings, 'plugins'>, ThreatModelInput {
  /** Options of the attack; each has a default. */
  readonly options?: PluginOptions
}

/** An attack of the registry. */
export interface Attack {
  /** Its metadata: id, version, norms, knowledge, options schema, paper. */
  readonly meta: AttackMeta
  /**
   * Attacks the examples that the model classifies correctly. The host checks each adversarial and
   * predicts it again.
   * @param inputs `[n, c, h, w]`
   * @param labels `[n]`
   * @throws ConfigError for a wrong option or a threat model that the attack does not support;
   * errors of `evaluate`
   */
  run(
    model: ModelSource,
    inputs: ExampleArrays['inputs'],
    labels: ExampleArrays['labels'],
    settings: AttackRun,
  ): Promise<AttackEvaluation>
}

const runKeys = ['norm', 'epsilon', 'transform', 'curve', 'options', ...settingKeys].filter(
  (key) => key !== 'plugins',
)

/**
 * An attack by id.
 * @param settings `plugins`: third-party packages, npm names or paths relative to the working
 * directory
 * @throws ConfigError ROBENCH_CONFIG if no attack has that id, with the nearest one; PluginError if
 * it breaks the contract
 */
export async function getAttack(
  id: string,
  settings: Pick<ProgramSettings, 'plugins'> = {},
): Promise<Attack> {
  refuseUnknownKeys(settings, ['plugins'], 'getAttack')
  const { plugins } = settings
  const meta = await readMeta(id, plugins)
  return {
    meta,
    async run(model, inputs, labels, run) {
      refuseUnknownKeys(run, runKeys, id)
      const { norm, epsilon, transform, curve, options, ...settings } = run
      const threatModel: ThreatModelInput = {
        norm,
        ...(epsilon !== undefined && { epsilon }),
        ...(transform && { transform }),
        ...(curve && { curve }),
      }
      const attacks = [{ id, ...(options && { options }) }]
      const data = { inputs, labels }
      const own = { ...settings, ...(plugins && { plugins }) }
      const request = { ...own, model, data, threatModel, attacks, checks: false }
      return (await evaluateAs(request, id)).attacks[0]!
    },
  }
}

async function readMeta(id: string, plugins: readonly string[] | undefined): Promise<AttackMeta> {
  const { registry, close } = await openPlugins(plugins, 'getAttack')
  try {
    return (await registry.get('attack', id, 'getAttack')).meta
  } finally {
    await close()
  }
}
