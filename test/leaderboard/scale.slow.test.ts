/** Large boards: the pages stay small, and building takes time in proportion. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { buildSite, renderSite, renderWholeSite } from '../../leaderboard/build.ts'
import { entryLocation } from '../../leaderboard/entry.ts'
import { manyEntries } from './many-entries.ts'

/** Processor time of this process, in milliseconds. */
async function cost(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

test('1,000 entries are built in proportion; pages of 5,000 stay small', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'robench-scale-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const entries = manyEntries(5000)
  const write = (name: string, count: number): string => {
    for (const entry of entries.slice(0, count)) {
      const file = join(folder, name, `${entryLocation(entry)}.json`)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, JSON.stringify(entry))
    }
    return join(folder, name)
  }
  const build = (count: number): Promise<number> => {
    const entriesFolder = write(String(count), count)
    return cost(() => buildSite({ entriesFolder, outFolder: join(folder, `site-${count}`) }))
  }
  await build(20)
  const [small, large] = [await build(250), await build(1000)]
  console.log(`250 entries: ${small.toFixed(0)} ms, 1,000: ${large.toFixed(0)} ms`)
  // Quadratic time would be 16 times as long.
  expect(large / small).toBeLessThan(8)
  const files = renderSite(entries)
  expect(files.get('index.html')!.length).toBeLessThan(150_000)
  expect(files.get('tables/cifar10-linf-8-255/100.html')!.length).toBeLessThan(150_000)
  expect(files.get('tables/cifar10-linf-8-255.js')!.length).toBeLessThan(700 * entries.length)
})

test('the page of an entry lists the latest versions of its defense, and says how many there are', async () => {
  const entries = manyEntries(25).map((entry) => ({ ...entry, authors: ['A. Author'] }))
  const files = await renderWholeSite(entries.map((entry) => ({ entry })))
  const page = String(files.get('entries/cifar10/linf-8-255/model-0007.html'))
  expect(page).toContain('the latest first: 20 of 25.')
  expect(page.split('id="versions-title"')[1]!.split('<td>v').length - 1).toBe(20)
})
