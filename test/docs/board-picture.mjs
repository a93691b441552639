/**
 * Makes docs/leaderboard.png from leaderboard/entries, and docs/leaderboard.source.json, which says
 * which figures it shows. Needs Chromium; CHROMIUM names its file.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'
import {
  buildModule,
  entriesFolder,
  picture,
  pictureHash,
  record,
  sourceHash,
} from './board-source.mjs'

const { buildSite, readEntryFiles, renderWholeSite } = await import(pathToFileURL(buildModule).href)

const found = readEntryFiles(entriesFolder)
if (found.length === 0) {
  process.stderr.write(`${entriesFolder}: has no entries; the picture is unchanged\n`)
  process.exit(1)
}
const folder = mkdtempSync(join(tmpdir(), 'robench-picture-'))
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
})
try {
  await buildSite({ entriesFolder, outFolder: folder })
  const page = await browser.newPage({
    viewport: { width: 1400, height: 900 },
    colorScheme: 'light',
  })
  await page.goto(pathToFileURL(join(folder, 'index.html')).href)
  await page.screenshot({ path: picture })
  const hashes = { source: sourceHash(await renderWholeSite(found)), picture: pictureHash() }
  writeFileSync(record, `${JSON.stringify(hashes, undefined, 2)}\n`)
} finally {
  await browser.close()
  rmSync(folder, { recursive: true })
}
