/** The leaderboard as a folder of static pages: read the entries, render, write. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { ConfigError } from '../core/base/errors.ts'
import { packageRoot } from '../core/base/paths.ts'
import { storeError, writeFileAtomic } from '../core/base/atomic-file.ts'
import { parseJsonText } from '../core/base/json-file.ts'
import { templateEnvironment, themeFolder } from '../reports/theme/templates.ts'
import { checkEntry, entryLocation } from './entry.ts'
import type { LeaderboardEntry } from './entry.ts'
import { rankTables } from './ranking.ts'

/** Text files of a site by their path below its folder, with `/` between steps. */
export type SiteFiles = ReadonlyMap<string, string>

export interface BuiltSite {
  readonly entries: number
  readonly tables: number
  /** All files written, sorted. */
  readonly files: readonly string[]
}

/** Lists a site's own files, so that the next build can remove those that are no longer part of it. */
const listFile = 'site-files.json'

/**
 * Builds the site. Files of an earlier build that no longer belong to it are removed; nothing else is.
 * @throws ConfigError ROBENCH_DATA for a missing folder or a wrong entry, ROBENCH_CONFIG if the folder holds other things, RunError ROBENCH_STORE if it cannot be written
 */
export async function buildSite(options: {
  readonly entriesFolder: string
  readonly outFolder: string
}): Promise<BuiltSite> {
  requireOwnFolder(options.outFolder)
  const entries = readEntries(options.entriesFolder)
  const files = renderSite(entries)
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

/** All entries below a folder, `<dataset>/<threat>/<id>.json`. @throws ConfigError ROBENCH_DATA that names the file and place. */
export function readEntries(folder: string): LeaderboardEntry[] {
  if (!existsSync(folder)) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${folder}: no such folder; expected leaderboard entries (robench leaderboard add makes them, --entries names another folder)`,
    )
  }
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.json'))
    .toSorted()
    .map((path) => {
      const file = join(folder, path)
      const entry = checkEntry(parseJsonText(readFileSync(file, 'utf8'), file), file)
      const expected = `${entryLocation(entry)}.json`
      if (path.split(sep).join('/') !== expected) {
        throw new ConfigError(
          'ROBENCH_DATA',
          `${file}: by its content this entry belongs at ${join(folder, expected)}; move the file there`,
        )
      }
      return entry
    })
}

/** Renders all pages, the entries' own JSON and the assets. The same entries give the same bytes. */
export function renderSite(entries: readonly LeaderboardEntry[]): SiteFiles {
  const environment = templateEnvironment(join(packageRoot(), 'leaderboard', 'templates'))
  const tables = rankTables(entries)
  const files = new Map<string, string>()
  files.set(
    'index.html',
    environment.render('index.html.njk', { tables, root: '', total: entries.length }),
  )
  for (const table of tables) {
    for (const row of table.rows) {
      const page = environment.render('entry.html.njk', { table, row, root: '../../../' })
      files.set(`entries/${row.location}.html`, page)
      files.set(`entries/${row.location}.json`, `${JSON.stringify(row.entry, null, 2)}\n`)
    }
  }
  const assets = join(packageRoot(), 'leaderboard', 'assets')
  for (const name of readdirSync(assets).toSorted()) {
    files.set(`assets/${name}`, readFileSync(join(assets, name), 'utf8'))
  }
  for (const name of ['findings.css', 'theme.css']) {
    files.set(`assets/${name}`, readFileSync(join(themeFolder(), name), 'utf8'))
  }
  files.set(listFile, `${JSON.stringify([...files.keys(), listFile].toSorted(), null, 2)}\n`)
  return files
}

/** A folder with other things in it is left alone: the site has an index.html, and so may they. */
function requireOwnFolder(folder: string): void {
  if (!existsSync(folder) || existsSync(join(folder, listFile))) return
  const [first] = readdirSync(folder)
  if (first === undefined) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `--out ${folder}: expected an empty folder or one of an earlier build, found ${first} in it; choose another folder`,
  )
}

/** What an earlier build listed, as far as it lies within the folder. */
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
