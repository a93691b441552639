/** A page for each attack and defense: what it is, its options, and the entries that used it. */
import { existsSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import type nunjucks from 'nunjucks'
import { packageRoot } from '../../core/base/paths.ts'
import type { PluginMeta } from '../../core/plugin/contract.ts'
import type { PluginRegistry } from '../../core/plugin/registry.ts'
import { proportion } from '../../reports/theme/proportion.ts'
import type { Proportion } from '../../reports/theme/proportion.ts'
import type { RankedEntry } from '../ranking.ts'
import { docsFragment, docsPath, docsText } from './docs-pages.ts'
import type { PageFiles } from './entry-pages.ts'
import { pluginPage } from './plugin-paths.ts'
import type { NamedPlugin, PluginFolder } from './plugin-paths.ts'

/** An option of a plugin as its page shows it. */
interface OptionRow {
  readonly name: string
  readonly type: string
  readonly standard: string
  readonly description: string
}

/** An entry that used a plugin. */
interface PluginUse {
  readonly row: RankedEntry
  /** Robust to the attack alone; for a defense, to all attacks. */
  readonly robust: Proportion
  readonly version: number
}

interface PluginPage {
  readonly plugin: NamedPlugin
  readonly path: string
  readonly meta?: PluginMeta
  readonly options: readonly OptionRow[]
  /** Text from the documentation as HTML; empty if there is none. */
  readonly text: string
  /** Page of the documentation that the text is from. */
  readonly source?: string
  readonly uses: readonly PluginUse[]
}

/** Renders the pages of all built-in plugins, and of those of third parties that entries used. */
export async function renderPlugins(
  environment: nunjucks.Environment,
  registry: PluginRegistry,
  rows: readonly RankedEntry[],
): Promise<PageFiles> {
  const files: PageFiles = new Map()
  for (const folder of ['attacks', 'defenses'] as const) {
    const pages = await pagesOf(folder, registry, rows)
    const kind = folder === 'attacks' ? 'attack' : 'defense'
    const root = '../'
    for (const page of pages) {
      files.set(page.path, environment.render('plugin.html.njk', { page, kind, root }))
    }
    const overview = docsPath(`docs/${folder}.md`)
    files.set(
      `${folder}/index.html`,
      environment.render('plugins.html.njk', { pages, kind, folder, overview, root }),
    )
  }
  return files
}

async function pagesOf(
  folder: PluginFolder,
  registry: PluginRegistry,
  rows: readonly RankedEntry[],
): Promise<PluginPage[]> {
  const kind = folder === 'attacks' ? 'attack' : 'defense'
  const uses = usesOf(folder, rows)
  const pages = new Map<string, PluginPage>()
  for (const id of registry.ids(kind)) {
    const { meta } = await registry.get(kind, id)
    const path = pluginPage({ plugin: id }, folder)
    const own = { plugin: { plugin: id }, path, meta, uses: uses.get(path)?.uses ?? [] }
    pages.set(path, { ...own, options: optionRows(meta), ...documentationOf(folder, id) })
  }
  for (const [path, { plugin, uses: own }] of uses) {
    if (!pages.has(path)) pages.set(path, { plugin, path, options: [], text: '', uses: own })
  }
  return [...pages.values()]
}

/** Entries by the page of the plugins that they used. */
function usesOf(
  folder: PluginFolder,
  rows: readonly RankedEntry[],
): Map<string, { readonly plugin: NamedPlugin; readonly uses: PluginUse[] }> {
  const found = new Map<string, { readonly plugin: NamedPlugin; readonly uses: PluginUse[] }>()
  const add = (plugin: NamedPlugin, use: PluginUse): void => {
    const path = pluginPage(plugin, folder)
    const own = found.get(path) ?? { plugin, uses: [] }
    found.set(path, own)
    // Several corruptions are attacks of one plugin.
    if (own.uses.at(-1)?.row !== use.row) own.uses.push(use)
  }
  for (const row of rows) {
    const { entry, worstCase } = row
    if (folder === 'defenses') {
      // The attacks of a supplement alone say little about a defense.
      if (row.supplementTo) continue
      const { defense } = entry
      add(namedOf(defense), { row, robust: worstCase, version: defense.version })
      continue
    }
    for (const attack of entry.attacks) {
      const robust = proportion(attack.robust, entry.dataset.examples)
      add(namedOf(attack), { row, robust, version: attack.version })
    }
  }
  return found
}

function namedOf({ plugin, package: provider }: NamedPlugin): NamedPlugin {
  return { plugin, ...(provider !== undefined && { package: provider }) }
}

function optionRows({ optionsSchema }: PluginMeta): OptionRow[] {
  const properties: unknown = optionsSchema?.['properties']
  if (typeof properties !== 'object' || properties === null) return []
  return Object.entries(properties).map(([name, schema]: [string, unknown]) => {
    // A property of a JSON Schema is an object or a boolean.
    const record = Object(schema) as Readonly<Record<string, unknown>>
    const { default: standard, description } = record
    return {
      name,
      type: typeText(record),
      standard: standard === undefined ? '' : JSON.stringify(standard),
      description: typeof description === 'string' ? description : '',
    }
  })
}

function typeText(schema: Readonly<Record<string, unknown>>): string {
  const { enum: values, type, minimum, maximum, exclusiveMinimum } = schema
  if (Array.isArray(values)) return values.map((value) => JSON.stringify(value)).join(' | ')
  const kinds = Array.isArray(type)
    ? type.map(String).join(' or ')
    : typeof type === 'string'
      ? type
      : ''
  const bounds = [
    ...(typeof minimum === 'number' ? [`≥ ${minimum}`] : []),
    ...(typeof exclusiveMinimum === 'number' ? [`> ${exclusiveMinimum}`] : []),
    ...(typeof maximum === 'number' ? [`≤ ${maximum}`] : []),
  ]
  return [kinds, ...bounds].filter(Boolean).join(', ')
}

/** The text about a plugin: a page of its own, or what the overview says about it. */
function documentationOf(folder: PluginFolder, id: string): { text: string; source?: string } {
  const overview = `docs/${folder}.md`
  const file = join(packageRoot(), overview)
  if (!existsSync(file)) return { text: '' }
  const text = readFileSync(file, 'utf8')
  const link = new RegExp(`\\[[^\\]]*\`${id}\`[^\\]]*\\]\\(([^)]+\\.md)\\)`).exec(text)?.[1]
  if (link !== undefined) {
    const own = docsText(posix.join('docs', link), folder)
    if (own) return { text: own.html, source: own.path }
  }
  // Notes of the overview that name the plugin first.
  const notes = text
    .split('\n')
    .filter((line) => line.startsWith('- ') && line.split(/[.:]/, 1)[0]!.includes(`\`${id}\``))
  if (notes.length === 0) return { text: '' }
  return { text: docsFragment(notes.join('\n'), overview, folder), source: docsPath(overview) }
}
