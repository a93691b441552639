/** Paths of the pages about plugins and data sets. */
import { slugOf } from '../../core/base/slug.ts'

/** A plugin as entries name it. */
export interface NamedPlugin {
  readonly plugin: string
  /** Name of the third-party package; absent for a built-in plugin. */
  readonly package?: string
}

/** The directories of plugin pages. */
export type PluginFolder = 'attacks' | 'defenses'

/**
 * The path of a plugin's page: `attacks/pgd.html`. Two hyphens separate a third-party package from
 * its plugin, which no id of a built-in plugin contains.
 */
export function pluginPage({ plugin, package: provider }: NamedPlugin, folder: string): string {
  const isPlain = /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(plugin)
  const name =
    provider === undefined && isPlain
      ? plugin
      : `${slugOf(provider ?? 'other') || 'other'}--${slugOf(plugin) || 'unnamed'}`
  return `${folder}/${name}.html`
}
