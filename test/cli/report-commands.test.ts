/** `robench report` and `robench leaderboard` on results in a folder, as the command line calls them. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { leaderboardCommand } from '../../cli/leaderboard-command.ts'
import { reportCommand } from '../../cli/report-command.ts'
import { troubledResult, typicalResult } from '../reports/fixture.ts'

let folder: string
let printed: string
const sink = new Writable({
  write(chunk, _encoding, done) {
    printed += String(chunk)
    done()
  },
})
const streams = { stdout: sink, stderr: sink }

beforeEach(() => {
  printed = ''
  folder = mkdtempSync(join(tmpdir(), 'robench-report-'))
  writeFileSync(join(folder, 'result.json'), JSON.stringify(typicalResult()))
})
afterEach(() => rmSync(folder, { recursive: true }))

async function report(...args: string[]): Promise<void> {
  await reportCommand(streams).parseAsync([folder, ...args], { from: 'user' })
}

async function leaderboard(...args: string[]): Promise<void> {
  await leaderboardCommand(streams).parseAsync(args, { from: 'user' })
}

describe('report', () => {
  test('prints the table', async () => {
    await report()
    expect(printed).toMatch(/pgd-at +69\.25 % +44\.88 % +39\.61 % +39\.61 %/)
  })

  test('prints JSON', async () => {
    await report('--json')
    expect(JSON.parse(printed)).toMatchObject({ suite: { id: 'cifar10' } })
  })

  test('writes the page beside the result, or where --out says', async () => {
    await report('--format', 'html')
    expect(readFileSync(join(folder, 'report.html'), 'utf8')).toMatch(/^\s*<!doctype html>/)
    await report('--format', 'text', '--out', join(folder, 'deep', 'table.txt'))
    expect(readFileSync(join(folder, 'deep', 'table.txt'), 'utf8')).toContain('pgd-at')
  })

  test('two formats at once are refused', async () => {
    await expect(report('--json', '--format', 'html')).rejects.toThrow('leave one of them out')
  })
})

describe('leaderboard', () => {
  test('adds an entry and builds a site with it', async () => {
    const entries = join(folder, 'entries')
    const site = join(folder, 'site')
    const about = ['--title', 'Madry et al.', '--authors', 'A, B', '--paper', 'https://x.org/a']
    await leaderboard('add', folder, '--entry', 'pgd-at', ...about, '--entries', entries)
    const file = join(entries, 'cifar10', 'linf-8-255', 'pgd-at.json')
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ authors: ['A', 'B'] })
    await leaderboard('build', '--out', site, '--entries', entries, '--json')
    expect(readFileSync(join(site, 'index.html'), 'utf8')).toContain('Madry et al.')
    expect(printed).toContain('"entries": 1')
  })

  test('an entry that is there is replaced only if asked to', async () => {
    const args = ['add', folder, '--entry', 'pgd-at', '--entries', join(folder, 'entries')]
    await leaderboard(...args)
    await expect(leaderboard(...args)).rejects.toThrow('there is an entry already')
    await leaderboard(...args, '--replace', '--title', 'Again')
  })

  test('an unknown defense is answered with a suggestion, a toy is refused', async () => {
    const add = ['add', folder, '--entries', join(folder, 'entries'), '--entry']
    await expect(leaderboard(...add, 'pgd-ta')).rejects.toThrow(
      'did you mean "pgd-at"? (it has: standard, pgd-at)',
    )
    writeFileSync(join(folder, 'result.json'), JSON.stringify(troubledResult()))
    await expect(leaderboard(...add, 'standard')).rejects.toThrow('toy data')
    expect(existsSync(join(folder, 'entries'))).toBe(false)
  })
})
