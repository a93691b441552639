/** The board in a browser, from a disk: filter, sort, columns, comparison, pages, and the address. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { renderSite } from '../../leaderboard/build.ts'
import { board } from './fixture.ts'
import { manyEntries } from './many-entries.ts'

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const axeFile = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

describe.skipIf(!existsSync(executablePath))('the board in a browser', () => {
  let folder: string
  let browser: Browser
  let home: string
  const problems: string[] = []

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'robench-board-'))
    for (const [path, text] of renderSite([...manyEntries(120), ...board()])) {
      const file = join(folder, path)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text)
    }
    home = pathToFileURL(join(folder, 'index.html')).href
    browser = await chromium.launch({ executablePath })
  })
  afterAll(async () => {
    await browser.close()
    rmSync(folder, { recursive: true })
  })

  async function open(address: string, options: object = {}): Promise<Page> {
    const page = await browser.newPage(options)
    page.on('pageerror', ({ message }) => problems.push(message))
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
    await page.goto(address)
    return page
  }

  const titles = (page: Page, anchor = 'cifar10-linf-8-255'): Promise<string[]> =>
    page.locator(`#${anchor} tbody th > a`).allTextContents()
  const status = (page: Page, text: string): Promise<unknown> =>
    page.locator('[data-status]', { hasText: text }).waitFor()
  const query = (page: Page): string => new URL(page.url()).search

  test('without scripts all models are on linked pages', async () => {
    const page = await open(home, { javaScriptEnabled: false })
    const all = await titles(page)
    expect(all).toHaveLength(50)
    expect(await page.locator('.tools').isVisible()).toBe(false)
    for (let number = 2; number <= 3; number++) {
      await page.locator('#cifar10-linf-8-255').getByText('Next').click()
      all.push(...(await titles(page)))
    }
    expect(new Set(all).size).toBe(127)
    expect(await page.getByRole('link', { name: 'Next' }).count()).toBe(0)
    await page.close()
  })

  test('the filter searches all columns, is in the address, and says if nothing matches', async () => {
    const page = await open(home)
    await page.fill('#filter', 'wideresnet iclr 2018')
    // Each word matches models, but never all of them.
    await status(page, 'No model matches “wideresnet iclr 2018”.')
    expect(await page.locator('[data-board]:visible').count()).toBe(0)
    await page.fill('#filter', 'resnet-50 2.')
    await status(page, 'of 129 models')
    await page.fill('#filter', 'H. Zhang')
    await status(page, '1 of 129 models')
    expect(await titles(page)).toEqual(['TRADES, β = 6'])
    expect(query(page)).toBe('?q=H.%20Zhang')
    await page.goBack()
    expect(query(page)).toBe('')
    await expect.poll(() => page.locator('.ledger tbody tr').count()).toBe(52)
    await page.close()
  })

  test('sort, columns, comparison, and page come from the address, and go back', async () => {
    const page = await open(home)
    const ranked = await titles(page)
    await page.getByRole('button', { name: 'Clean' }).first().click()
    await page.waitForURL('**sort=-clean')
    const clean = await page
      .locator('#cifar10-linf-8-255 td[data-label=Clean] .figure-value')
      .allTextContents()
    const values = clean.map(Number.parseFloat)
    expect(values).toEqual(values.toSorted((a, b) => b - a))
    await page.getByText('Columns', { exact: true }).click()
    await page.getByLabel('Venue').uncheck()
    expect(await page.locator('[data-label=Venue]').count()).toBe(0)
    await page.locator('#cifar10-linf-8-255 .pick input').nth(0).check()
    await page.locator('#cifar10-linf-8-255 .pick input').nth(1).check()
    const compared = page.locator('[data-comparison] thead th > a')
    expect(await compared.count()).toBe(2)
    await page.locator('#cifar10-linf-8-255').getByText('Next').click()
    const address = page.url()
    const second = await titles(page)
    expect(query(page)).toMatch(
      /^\?sort=-clean&hide=venue&compare=cifar10\/linf-8-255\/[\w-]+,cifar10\/linf-8-255\/[\w-]+&page=cifar10-linf-8-255:2$/,
    )
    const again = await open(address)
    await again.locator('[data-comparison] thead th > a').first().waitFor()
    expect(await titles(again)).toEqual(second)
    expect(await again.locator('[data-comparison] thead th > a').allTextContents()).toEqual(
      await compared.allTextContents(),
    )
    await again.close()
    for (let step = 0; step < 5; step++) await page.goBack()
    await page.locator('[data-label=Venue]').first().waitFor()
    expect(await titles(page)).toEqual(ranked)
    expect(await page.locator('[data-comparison]').isVisible()).toBe(false)
    await page.close()
  })

  test('models of two tables are not compared, and four are the most', async () => {
    const page = await open(home)
    const boxes = page.locator('#cifar10-linf-8-255 .pick input')
    for (let at = 0; at < 4; at++) await boxes.nth(at).check()
    expect(await boxes.nth(4).isDisabled()).toBe(true)
    await boxes.nth(0).uncheck()
    expect(await boxes.nth(4).isDisabled()).toBe(false)
    await page.locator('#fashion-mnist-linf-0\\.1 .pick input').first().check()
    await page.waitForURL('**compare=fashion-mnist/**')
    expect(await page.locator('.pick input:checked').count()).toBe(1)
    await page.close()
  })

  test('holds at all widths, has no axe violations, and breaks no policy', async () => {
    const view = `${home}?compare=cifar10/linf-8-255/trn,cifar10/linf-8-255/trades`
    for (const width of [390, 800, 1400]) {
      const page = await open(view, { viewport: { width, height: 900 }, bypassCSP: true })
      await page.locator('[data-comparison] thead th > a').first().waitFor()
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
      await page.addScriptTag({ path: axeFile })
      const violations: unknown = await page.evaluate(
        'axe.run({ preload: false }).then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes[0].html]))',
      )
      expect(violations).toEqual([])
      await page.close()
    }
    expect(problems).toEqual([])
  })
})
