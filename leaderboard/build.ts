/** Builds the leaderboard as a directory of static pages. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { ConfigError } from '../core/base/errors.ts'
import { packageRoot } from '../core/base/paths.ts'
import { storeError, writeFileAtomic } from '../core/base/atomic-file.ts'
import { parseJsonText } from '../core/base/json-file.ts'
import { templateEnvironment, themeFolder } from '../reports/theme/templates.ts'
import { auditEntries } from './audit.ts'
import { renderBoard } from './board-pages.ts'
import { checkEntry, entryLocation } from './entry.ts'
import { checkEnding, readEntryCheck } from './entry-check.ts'
import type { EntryCheck } from './entry-check.ts'
import type { LeaderboardEntry } from './entry-type.ts'
import { publicRules } from './known-datasets.ts'
import type { BoardRules } from './known-datasets.ts'
import { rankTables } from './ranking.ts'

/** The text files of a site by relative path, with `/` as separator. */
export type SiteFiles = ReadonlyMap<string, string>

/** What a build wrote. */
export interface BuiltSite {
  readonly entries: number
  readonly tables: number
  /** Relative paths of all files, sorted. */
  readonly files: readonly string[]
}

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
}): Promise<BuiltSite> {
  requireOwnFolder(options.outFolder)
  const { rules = publicRules } = options
  const found = readEntryFiles(options.entriesFolder, rules)
  await auditEntries(
    found.map(({ entry, file }) => ({ entry, label: file })),
    rules,
  )
  const entries = found.map(({ entry }) => entry)
  const checked = found.filter(({ check }) => check).map(({ entry }) => entryLocation(entry))
  const files = renderSite(entries, new Set(checked), rules)
  const old = listedFiles(options.outFolder)
  for (const [path, text] of files) await writeFileAtomic(join(options.outFolder, path), text)
  for (const path of old) {
    if (files.has(path)) continue
    const stale = join(options.outFolder, path)
    await rm(stale, { force: true }).catch((cause: unknown) => {
      throw storeError(stale, cause)
    })
  }
  return {
    entries: entries.length,
    tables: rankTables(entries).length,
    files: [...files.keys()].toSorted(),
  }
}

/** An entry, and the record of its check if there is one. */
export interface EntryFile {
  readonly file: string
  readonly entry: LeaderboardEntry
  readonly check?: EntryCheck
}

/**
 * Reads all entries below a directory, `<dataset>/<threat>/<id>.json`, and the records beside them.
 * @throws ConfigError ROBENCH_DATA with the file and the position in it
 */
export function readEntryFiles(folder: string, rules: BoardRules = publicRules): EntryFile[] {
  if (!existsSync(folder)) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${folder}: no such directory; expected leaderboard entries; add one with ` +
        'robench leaderboard add, or choose another directory with --entries',
    )
  }
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.json') && !path.endsWith(checkEnding))
    .toSorted()
    .map((path) => {
      const file = join(folder, path)
      const entry = checkEntry(parseJsonText(readFileSync(file, 'utf8'), file), file, rules)
      const expected = `${entryLocation(entry)}.json`
      if (path.split(sep).join('/') !== expected) {
        throw new ConfigError(
          'ROBENCH_DATA',
          `${file}: expected this entry at ${join(folder, expected)}; move the file`,
        )
      }
      const check = readEntryCheck(file, entry)
      return { file, entry, ...(check && { check }) }
    })
}

/**
 * Renders all pages, the entries as JSON, and the assets. Output is deterministic.
 * @param checked locations of the entries of which a sample was run again; the others are marked as
 * self-reported
 */
export function renderSite(
  entries: readonly LeaderboardEntry[],
  checked: ReadonlySet<string> = new Set(),
  { isPrivate }: Pick<BoardRules, 'isPrivate'> = publicRules,
): SiteFiles {
  const environment = templateEnvironment(join(packageRoot(), 'leaderboard', 'templates'))
  environment.addGlobal('isPrivate', isPrivate)
  const tables = rankTables(entries, checked)
  const files = renderBoard(environment, tables)
  for (const table of tables) {
    for (const row of table.rows.flatMap(({ members }) => members)) {
      const page = environment.render('entry.html.njk', { table, row, root: '../../../' })
      files.set(`entries/${row.location}.html`, page)
      files.set(`entries/${row.location}.json`, `${JSON.stringify(row.entry, null, 2)}\n`)
    }
  }
  const assets = join(packageRoot(), 'leaderboard', 'assets')
  for (const name of readdirSync(assets).toSorted()) {
    files.set(`assets/${name}`, readFileSync(join(assets, name), 'utf8'))
  }
  for (const name of ['findings.css', 'layout.css', 'theme.css']) {
    files.set(`assets/${name}`, readFileSync(join(themeFolder(), name), 'utf8'))
  }
  files.set(listFile, `${JSON.stringify([...files.keys(), listFile].toSorted(), null, 2)}\n`)
  return files
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
  const list = parseJsonText(readFileSync(file, 'utf8'), file)
  if (!Array.isArray(list)) return []
  return list.filter(
    (path): path is string =>
      typeof path === 'string' && !relative(folder, join(folder, path)).startsWith('..'),
  )
}
