/** Builds the leaderboard as a directory of static pages. */
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { makeFolder } from '../core/base/make-folder.ts'
import { ConfigError } from '../core/base/errors.ts'
import { packageRoot } from '../core/base/paths.ts'
import { storeError, writeFileAtomic } from '../core/base/atomic-file.ts'
import { parseJsonText } from '../core/base/json-file.ts'
import { readText } from '../core/base/read-file.ts'
import { loadRegistry } from '../core/plugin/load.ts'
import { themeFolder } from '../reports/theme/templates.ts'
import { auditEntries } from './audit.ts'
import type { NamedEntry } from './between-entries.ts'
import { renderBoard } from './board-pages.ts'
import { entryLocation, readEntry } from './entry.ts'
import { checkEnding, readEntryCheck } from './entry-check.ts'
import type { EntryCheck } from './entry-check.ts'
import { historyEnding, readHistory } from './entry-history.ts'
import type { EntryHistory } from './entry-history.ts'
import type { LeaderboardEntry } from './entry-type.ts'
import { publicRules } from './known-datasets.ts'
import type { BoardRules } from './known-datasets.ts'
import { examplesEnding, readExamples } from './pages/examples-file.ts'
import type { EntryExamples } from './pages/examples-schema.ts'
import { siteEnvironment } from './pages/environment.ts'
import { renderPages } from './pages/site.ts'
import { rankTables } from './ranking.ts'
import type { RankedTable } from './ranking.ts'
import { findSupplements } from './supplements.ts'

/** The text files of a site by relative path, with `/` as separator. */
export type SiteFiles = ReadonlyMap<string, string>

/** All files of a site, pictures and archives included. */
export type WholeSite = ReadonlyMap<string, string | Uint8Array>

/** What a build wrote. */
export interface BuiltSite {
  readonly entries: number
  readonly tables: number
  /** Relative paths of all files, sorted. */
  readonly files: readonly string[]
}

/** Endings of the files beside an entry. */
const besideEndings = [checkEnding, examplesEnding, historyEnding] as const

/** Lists the files of a site, so that the next build can remove stale ones. */
const listFile = 'site-files.json'

/**
 * Builds the site. Removes stale files of an earlier build and no other files.
 * @throws ConfigError ROBENCH_DATA if the entries directory is missing or an entry is invalid,
 *   ROBENCH_CONFIG if the output directory contains other files; RunError ROBENCH_STORE if it
 *   cannot be written
 */
export async function buildSite(options: {
  readonly entriesFolder: string
  readonly outFolder: string
  /** Data sets that the board takes; default: published ones. */
  readonly rules?: BoardRules
  /** Absolute URL at which the site will be; for the feed, the sitemap, and pictures of links. */
  readonly address?: string
}): Promise<BuiltSite> {
  requireOwnFolder(options.outFolder)
  const { rules = publicRules } = options
  const found = readEntryFiles(options.entriesFolder, rules)
  await auditEntries(
    found.map(({ entry, file }) => ({ entry, label: file })),
    rules,
  )
  const entries = found.map(({ entry }) => entry)
  const { files: rendered, tables } = await renderTables(found, rules, options.address)
  const files = new Map(rendered)
  files.set(listFile, `${JSON.stringify([...files.keys(), listFile].toSorted(), null, 2)}\n`)
  const old = listedFiles(options.outFolder)
  await writeFiles(options.outFolder, files)
  for (const path of old) {
    if (files.has(path)) continue
    const stale = join(options.outFolder, path)
    await rm(stale, { force: true }).catch((cause: unknown) => {
      throw storeError(stale, cause)
    })
  }
  return {
    entries: entries.length,
    tables,
    files: [...files.keys()].toSorted(),
  }
}

/** An entry, and the record of its check if there is one. */
export interface EntryFile {
  readonly file: string
  readonly entry: LeaderboardEntry
  readonly check?: EntryCheck
  readonly examples?: EntryExamples
  readonly history?: EntryHistory
}

/**
 * The entries of a benchmark in a directory, for comparison with new ones. Those that cannot be
 * read, which a build of the site names, are left out.
 * @param folder with all entries
 * @param benchmark `<dataset>/<threat>`
 */
export function presentEntries(
  folder: string,
  benchmark: string,
  rules: BoardRules = publicRules,
): NamedEntry[] {
  const own = join(folder, benchmark)
  if (!existsSync(own)) return []
  return entryPaths(own).flatMap((path) => {
    const label = join(own, path)
    try {
      return [{ entry: readEntry(label, rules), label }]
    } catch {
      return []
    }
  })
}

/** Files of entries below a directory, sorted, without those beside them. */
function entryPaths(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.json'))
    .filter((path) => !besideEndings.some((ending) => path.endsWith(ending)))
    .toSorted()
}

/**
 * Reads all entries below a directory, `<dataset>/<threat>/<id>.json`, and the records beside them.
 * @throws ConfigError ROBENCH_DATA with the file and the position in it
 */
export function readEntryFiles(folder: string, rules: BoardRules = publicRules): EntryFile[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${folder}: no such directory; expected leaderboard entries; add one with ` +
        'robench leaderboard add, or choose another directory with --entries',
    )
  }
  return entryPaths(folder).map((path) => {
    const file = join(folder, path)
    const entry = readEntry(file, rules)
    const expected = `${entryLocation(entry)}.json`
    if (path.split(sep).join('/') !== expected) {
      throw new ConfigError(
        'ROBENCH_DATA',
        `${file}: expected this entry at ${join(folder, expected)}; move the file`,
      )
    }
    const check = readEntryCheck(file, entry)
    const examples = readExamples(file, entry)
    const history = readHistory(file, entry)
    return {
      file,
      entry,
      ...(check && { check }),
      ...(examples && { examples }),
      ...(history && { history }),
    }
  })
}

/**
 * Renders the whole site: the board, and all other pages and files. Output is deterministic.
 * @param found entries with their records and pictures
 * @param address absolute URL at which the site will be; default: none
 */
export async function renderWholeSite(
  found: readonly Pick<EntryFile, 'entry' | 'check' | 'examples' | 'history'>[],
  rules: Pick<BoardRules, 'isPrivate'> = publicRules,
  address?: string,
): Promise<WholeSite> {
  return (await renderTables(found, rules, address)).files
}

async function renderTables(
  ...[found, rules = publicRules, address]: Parameters<typeof renderWholeSite>
): Promise<{ files: WholeSite; tables: number }> {
  const entries = found.map(({ entry }) => entry)
  const checked = found.filter(({ check }) => check).map(({ entry }) => entryLocation(entry))
  const base = address === undefined || address.endsWith('/') ? address : `${address}/`
  const supplements = await findSupplements(entries, await loadRegistry())
  const tables = rankTables(entries, { checked: new Set(checked), supplements })
  const pages = await renderPages({
    tables,
    examples: new Map(
      found.flatMap(({ entry, examples }) =>
        examples ? [[entryLocation(entry), examples] as const] : [],
      ),
    ),
    histories: new Map(
      found.flatMap(({ entry, history }) =>
        history ? [[entryLocation(entry), history] as const] : [],
      ),
    ),
    address: base ?? '',
    isPrivate: rules.isPrivate,
  })
  return { files: new Map([...boardFiles(tables, rules, base), ...pages]), tables: tables.length }
}

/**
 * Renders the board with its assets. Output is deterministic.
 * @param checked locations of the entries of which a sample was run again; the others are marked as
 * self-reported
 * @param address absolute URL at which the site will be; default: none
 * @param supplements locations of the entries that add attacks to another entry of their model;
 * `renderWholeSite` finds them itself
 */
export function renderSite(
  entries: readonly LeaderboardEntry[],
  checked: ReadonlySet<string> = new Set(),
  { isPrivate }: Pick<BoardRules, 'isPrivate'> = publicRules,
  address?: string,
  supplements: ReadonlySet<string> = new Set(),
): SiteFiles {
  return boardFiles(rankTables(entries, { checked, supplements }), { isPrivate }, address)
}

function boardFiles(
  tables: readonly RankedTable[],
  { isPrivate }: Pick<BoardRules, 'isPrivate'>,
  address?: string,
): Map<string, string> {
  const files = renderBoard(siteEnvironment({ address, isPrivate }), tables)
  const assets = join(packageRoot(), 'leaderboard', 'assets')
  for (const name of readdirSync(assets).toSorted()) {
    files.set(`assets/${name}`, readFileSync(join(assets, name), 'utf8'))
  }
  for (const name of ['checks.css', 'findings.css', 'layout.css', 'theme.css']) {
    files.set(`assets/${name}`, readFileSync(join(themeFolder(), name), 'utf8'))
  }
  return files
}

/**
 * Writes files that a build can repeat, so without flushing each to the disk; the list of files, by
 * which the next build knows its own, comes first.
 * @throws RunError ROBENCH_STORE
 */
async function writeFiles(folder: string, files: WholeSite): Promise<void> {
  await writeFileAtomic(join(folder, listFile), files.get(listFile)!)
  for (const parent of new Set([...files.keys()].map((path) => dirname(join(folder, path))))) {
    await makeFolder(parent).catch((cause: unknown) => {
      throw storeError(parent, cause)
    })
  }
  for (const [path, content] of files) {
    const file = join(folder, path)
    try {
      // A promise for each of many small files takes longer than the file.
      writeFileSync(file, content)
    } catch (cause) {
      throw storeError(file, cause)
    }
  }
}

/** Rejects a directory with other files, since a build could overwrite them. */
function requireOwnFolder(folder: string): void {
  if (!existsSync(folder) || existsSync(join(folder, listFile))) return
  const [first] = readdirSync(folder)
  if (first === undefined) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `--out ${folder}: expected an empty directory or an earlier build, found ${first}; ` +
      'choose another directory',
  )
}

/** The files that an earlier build listed, except paths outside the directory. */
function listedFiles(folder: string): string[] {
  const file = join(folder, listFile)
  if (!existsSync(file)) return []
  const list = parseJsonText(readText(file, { code: 'ROBENCH_DATA', mostBytes: 2 ** 26 }), file)
  if (!Array.isArray(list)) return []
  return list.filter(
    (path): path is string =>
      typeof path === 'string' && !relative(folder, join(folder, path)).startsWith('..'),
  )
}
