/** `robench list`: lists available plugins, data sets, and suites. */
import { Argument, Command } from 'commander'
import { listDatasets } from '../core/data/load.ts'
import type { PluginKind } from '../core/plugin/contract.ts'
import { locatePlugins } from '../core/plugin/load.ts'
import { readRegistry } from '../core/plugin/package-reader.ts'
import type { PluginRegistry } from '../core/plugin/registry.ts'
import { loadSuite, shippedSuites } from '../core/bench/suite/load.ts'
import { plainTable } from '../reports/theme/plain-table.ts'
import { collect, oneOf, terminalWidth } from './arguments.ts'
import { jsonText, printable } from '../reports/theme/printable.ts'

/** Records of one kind. The table shows only `columns`; JSON has all fields. */
interface Listing {
  readonly columns: readonly string[]
  readonly rows: readonly Readonly<Record<string, unknown>>[]
}

/** Columns that wrap where the table is wider than the terminal. */
const wrappedColumns: ReadonlySet<string> = new Set(['title', 'norms', 'options'])

const kinds = ['attacks', 'defenses', 'networks', 'datasets', 'suites'] as const
type Kind = (typeof kinds)[number]

/** The command `list`. */
export function listCommand(): Command {
  return new Command('list')
    .description('list available attacks, defenses, networks, data sets, and suites')
    .addArgument(
      new Argument('[kind]', 'list only this kind').choices(kinds).argParser(oneOf('list', kinds)),
    )
    .option('--plugin <package>', 'also list the plugins of this package (repeatable)', collect)
    .option('--json', 'print the result as JSON')
    .action(async (kind: Kind | undefined, options: { plugin?: string[]; json?: boolean }) => {
      const { plugin: packages = [] } = options
      const read = await readRegistry(locatePlugins(packages, [process.cwd()], '--plugin'))
      const listings: Partial<Record<Kind, Listing>> = {}
      try {
        for (const wanted of kind ? [kind] : kinds) {
          listings[wanted] = await listingOf[wanted](read.registry)
        }
      } finally {
        await read.close()
      }
      process.stdout.write(options.json ? asJson(listings) : printable(asText(listings)))
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
  suites: async () => ({ columns: ['name', 'title'], rows: suites() }),
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
  const isMixed = rows.some((row) => row['package'] !== 'robench')
  const columns = ['id', 'title', ...more, 'options', ...(isMixed ? ['package'] : [])]
  return { columns, rows }
}

function suites(): Record<string, unknown>[] {
  return shippedSuites().map((name) => {
    const { suite, sha256 } = loadSuite(name)
    return { name, path: `suites/${name}.json`, id: suite.id, title: suite.title, sha256 }
  })
}

function asJson(listings: Partial<Record<Kind, Listing>>): string {
  const rows = Object.entries(listings).map(([kind, listing]) => [kind, listing.rows])
  return `${jsonText(Object.fromEntries(rows))}\n`
}

function asText(listings: Partial<Record<Kind, Listing>>): string {
  return Object.entries(listings)
    .map(([kind, { columns, rows }]) => {
      const cells = rows.map((row) => columns.map((column) => cellText(row[column], column)))
      const wrapped = columns.flatMap((column, i) => (wrappedColumns.has(column) ? [i] : []))
      return `${kind}\n${plainTable(columns, cells, { width: terminalWidth(), wrapped })}\n`
    })
    .join('\n')
}

function cellText(value: unknown, column: string): string {
  if (Array.isArray(value)) return value.join(column === 'norms' ? ' ' : ', ')
  if (value === undefined || value === false) return ''
  if (value === true) return 'yes'
  return typeof value === 'string' ? value : JSON.stringify(value)
}
