/** Every kind of page in a browser: no axe violation, no wider than a phone, no broken policy. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packageRoot } from '../../../core/base/paths.ts'
import { readEntryFiles } from '../../../leaderboard/build.ts'
import type { renderWholeSite } from '../../../leaderboard/build.ts'
import { extendHistory } from '../../../leaderboard/entry-history.ts'

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const axeFile = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
/** The built code imports all plugins in a tenth of the time. */
const built = pathToFileURL(join(packageRoot(), 'dist', 'leaderboard', 'build.js')).href

describe.skipIf(!existsSync(executablePath))('pages in a browser', () => {
  let folder: string
  let browser: Browser

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'robench-access-'))
    const { renderWholeSite: render } = (await import(built)) as {
      readonly renderWholeSite: typeof renderWholeSite
    }
    // The shipped entries have pictures and matrices; each gets a history and a second version.
    const found = readEntryFiles(join(packageRoot(), 'leaderboard', 'entries'))
    const entries = found.flatMap(({ entry, examples }) => {
      const history = extendHistory(entry, { ...entry, title: 'Earlier title' }, undefined)!
      const other = { ...entry, id: `${entry.id}-b` }
      return [{ entry, history, ...(examples && { examples }) }, { entry: other }]
    })
    for (const [path, content] of await render(entries)) {
      const file = join(folder, path)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, content)
    }
    browser = await chromium.launch({ executablePath })
  })
  afterAll(async () => {
    await browser.close()
    rmSync(folder, { recursive: true })
  })

  async function open(path: string, options: object): Promise<Page> {
    const page = await browser.newPage({ viewport: { width: 390, height: 900 }, ...options })
    await page.goto(pathToFileURL(join(folder, path)).href)
    return page
  }

  test.for(['light', 'dark'] as const)('in %s colors, every kind holds', async (colorScheme) => {
    const entry = 'entries/cifar10/linf-8-255/pgd-at-small.html'
    const names =
      'index contribute faq methods datasets/index datasets/cifar10 attacks/index attacks/pgd ' +
      'defenses/trn defenses/bit-depth docs/index docs/attacks docs/glossary docs/robustbench ' +
      'docs/scale'
    const pages = names.split(' ').map((name) => `${name}.html`)
    const found: unknown[] = []
    for (const path of [entry, ...pages]) {
      const page = await open(path, { bypassCSP: true, colorScheme })
      const width: unknown = await page.evaluate('document.documentElement.scrollWidth')
      if (width !== 390) found.push([path, width])
      await page.addScriptTag({ path: axeFile })
      const violations = await page.evaluate<unknown[]>(
        'axe.run({ preload: false }).then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes[0].html]))',
      )
      if (violations.length > 0) found.push([path, violations])
      await page.close()
    }
    expect(found).toEqual([])
  })

  test('an entry on paper is whole: nothing is cut, all details are open', async () => {
    const page = await open('entries/cifar10/linf-8-255/pgd-at-small.html', {
      viewport: { width: 703, height: 1000 },
    })
    await page.emulateMedia({ media: 'print' })
    // Whatever has a wider or higher content than it shows.
    const cut = await page.evaluate<string[]>(
      `Array.from(document.querySelectorAll('main *')).filter((one) => {
        const { overflowX, overflowY } = getComputedStyle(one)
        const wide = one.scrollWidth > one.clientWidth + 1 && overflowX !== 'visible'
        const high = one.scrollHeight > one.clientHeight + 1 && overflowY !== 'visible'
        return (wide || high) && one.clientWidth > 1 && !one.closest('svg')
      }).map((one) => one.outerHTML.slice(0, 80))`,
    )
    expect(cut).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(703)
    expect(await page.getByText('"batchSize": 64').isVisible()).toBe(true)
    // No word of a head is broken: one word has one line.
    const broken = await page.evaluate<string[]>(
      `Array.from(document.querySelectorAll('.plain:not(.confusion) > tbody > tr > th')).filter((one) => {
        const range = document.createRange()
        range.selectNodeContents(one)
        const lines = new Set(Array.from(range.getClientRects(), ({ top }) => Math.round(top)))
        return !/\\s/.test(one.textContent.trim()) && lines.size > 1
      }).map((one) => one.textContent)`,
    )
    expect(broken).toEqual([])
    await page.close()
  })
})
