/** `robench list`: the plugins, data sets and suites at hand. */
import Table from 'cli-table3'
import { Argument, Command } from 'commander'
import { listDatasets } from '../core/data/load.ts'
import type { PluginKind } from '../core/plugin/contract.ts'
import { loadRegistry, locatePlugins } from '../core/plugin/load.ts'
import type { PluginRegistry } from '../core/plugin/registry.ts'
import { loadSuite, shippedSuites } from '../core/bench/suite/load.ts'
import { collect } from './arguments.ts'

/** Rows of one kind: plain records, of which people are shown the columns named. */
interface Listing {
  readonly columns: readonly string[]
  readonly rows: readonly Readonly<Record<string, unknown>>[]
}

/** Characters of the column that lists options. */
const optionsWidth = 44

const kinds = ['attacks', 'defenses', 'networks', 'datasets', 'suites'] as const
type Kind = (typeof kinds)[number]

/** The command `list`. */
export function listCommand(): Command {
  return new Command('list')
    .description('show the attacks, defenses, networks, data sets and suites at hand')
    .addArgument(new Argument('[kind]', 'only these').choices(kinds))
    .option('--plugin <package>', "also a third party's package; may be repeated", collect, [])
    .option('--json', 'print as JSON')
    .action(async (kind: Kind | undefined, options: { plugin: string[]; json?: boolean }) => {
      const here = process.cwd()
      const registry = await loadRegistry(locatePlugins(options.plugin, [here], '--plugin'))
      const listings: Partial<Record<Kind, Listing>> = {}
      for (const wanted of kind ? [kind] : kinds) {
        listings[wanted] = await listingOf[wanted](registry)
      }
      process.stdout.write(options.json ? asJson(listings) : asText(listings))
    })
}

const listingOf: Readonly<Record<Kind, (registry: PluginRegistry) => Promise<Listing>>> = {
  attacks: (registry) => plugins(registry, 'attack', ['norms', 'knowledge']),
  defenses: (registry) => plugins(registry, 'defense', ['trains']),
  networks: (registry) => plugins(registry, 'network', []),
  datasets: async () => ({
    columns: ['id', 'title', 'state'],
    rows: (await listDatasets()).map((info) => ({ ...info })),
  }),
  suites: async () => ({ columns: ['path', 'title'], rows: suites() }),
}

async function plugins(
  registry: PluginRegistry,
  kind: PluginKind,
  more: readonly string[],
): Promise<Listing> {
  const rows: Record<string, unknown>[] = []
  for (const id of registry.ids(kind)) {
    const { meta } = await registry.get(kind, id)
    const options = Object.keys((meta.optionsSchema?.['properties'] as object | undefined) ?? {})
    rows.push({ ...meta, package: registry.packageOf(kind, id), options })
  }
  return { columns: ['id', 'title', ...more, 'options', 'package'], rows }
}

function suites(): Record<string, unknown>[] {
  return shippedSuites().map((name) => {
    const { suite, sha256 } = loadSuite(name)
    return { path: `suites/${name}.json`, id: suite.id, title: suite.title, sha256 }
  })
}

function asJson(listings: Partial<Record<Kind, Listing>>): string {
  const rows = Object.entries(listings).map(([kind, listing]) => [kind, listing.rows])
  return `${JSON.stringify(Object.fromEntries(rows), undefined, 2)}\n`
}

function asText(listings: Partial<Record<Kind, Listing>>): string {
  return Object.entries(listings)
    .map(([kind, { columns, rows }]) => {
      const table = new Table({
        head: [...columns],
        style: { head: [], border: [], compact: true },
        colWidths: columns.map((column) => (column === 'options' ? optionsWidth : null)),
        wordWrap: true,
      })
      for (const row of rows) table.push(columns.map((column) => cellText(row[column])))
      return `${kind}\n${table.toString()}\n`
    })
    .join('\n')
}

function cellText(value: unknown): string {
  if (Array.isArray(value)) return value.join(', ')
  if (value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}
