/** What docs/leaderboard.png shows: the board of leaderboard/entries, as text. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The picture and the record of its source. */
export const picture = join(root, 'docs', 'leaderboard.png')
export const record = join(root, 'docs', 'leaderboard.source.json')

/** The built code, and the directory of entries. */
export const buildModule = join(root, 'dist', 'leaderboard', 'build.js')
export const entriesFolder = join(root, 'leaderboard', 'entries')

/** sha256 of all figures of the board: of the site's `api/v1/all.json`. */
export function sourceHash(site) {
  return createHash('sha256').update(site.get('api/v1/all.json')).digest('hex')
}

/** sha256 of the picture's file. */
export function pictureHash() {
  return createHash('sha256').update(readFileSync(picture)).digest('hex')
}

/** The record beside the picture; undefined if there is none. */
export function readRecord() {
  return existsSync(record) ? JSON.parse(readFileSync(record, 'utf8')) : undefined
}
