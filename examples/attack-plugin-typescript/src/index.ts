/** The plugin table: lazy loaders by id. Ids have the author's name as a prefix. */
import type { PluginTable } from 'robench/plugin'

const plugins: PluginTable = {
  attacks: {
    'example/gradient-step': async () => (await import('./gradient-step.ts')).gradientStep,
  },
}
export default plugins
