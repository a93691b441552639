/** What the batteries of all kinds of plugins share. */
import { ConfigError, PluginError } from '../base/errors.ts'
import { compileSchema } from '../base/schema.ts'
import type { Plugin, PluginOptions } from '../plugin/contract.ts'
import { pluginMetaSchemas } from '../plugin/meta-schema.ts'
import { checkOptionRoles } from '../plugin/option-roles.ts'
import { resolveOptions } from '../plugin/options.ts'

/** A check for any test runner: `run` rejects with an error that describes what is wrong. */
export interface PluginCheck {
  readonly name: string
  run(): Promise<void>
}

/** Checks of `meta` and the options schema, the same for every kind. */
export function metaChecks(plugin: Plugin, options: PluginOptions = {}): PluginCheck[] {
  const { kind, meta } = plugin
  const name = `${kind} ${meta.id}`
  return [
    {
      name: 'its meta follows the contract',
      run: async () => {
        const { problems } = compileSchema(pluginMetaSchemas[kind])(meta)
        const texts = problems.map(({ pointer, message }) => `meta${pointer} ${message}`)
        ensure(problems.length === 0, name, texts.join('; '))
        const problem = checkOptionRoles(meta)
        ensure(problem === undefined, name, problem ?? '')
      },
    },
    {
      name: 'it rejects unknown options',
      run: async () => {
        try {
          resolveOptions(meta, { ...options, 'no-such-option': 1 }, 'options')
        } catch (error) {
          if (error instanceof ConfigError) return
          throw error
        }
        ensure(false, name, 'it accepted the option "no-such-option"; close the schema')
      },
    },
  ]
}

/** @throws PluginError ROBENCH_PLUGIN_CONTRACT unless the condition holds */
export function ensure(holds: boolean, name: string, message: string): void {
  if (!holds) throw new PluginError('ROBENCH_PLUGIN_CONTRACT', `${name}: ${message}`)
}
