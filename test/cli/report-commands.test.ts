/** The commands `report` and `leaderboard` on results in a directory. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { leaderboardCommand } from '../../cli/leaderboard-command.ts'
import { reportCommand } from '../../cli/report-command.ts'
import type { RunResult } from '../../core/bench/result/result.ts'
import { boardResult } from '../leaderboard/fixture.ts'
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

/** The entries of a result on toy data. */
function toy(): Pick<RunResult, 'entries'> {
  return { entries: troubledResult().entries }
}

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

  test('writes the page beside the result, or to --out', async () => {
    await report('--format', 'html')
    expect(readFileSync(join(folder, 'report.html'), 'utf8')).toMatch(/^\s*<!doctype html>/)
    await report('--format', 'text', '--out', join(folder, 'deep', 'table.txt'))
    expect(readFileSync(join(folder, 'deep', 'table.txt'), 'utf8')).toContain('pgd-at')
  })

  test('two formats at once are rejected', async () => {
    await expect(report('--json', '--format', 'html')).rejects.toThrow(
      '--json and --format html are contradictory; use only one of them',
    )
  })
})

describe('leaderboard', () => {
  beforeEach(() => {
    const result = boardResult(typicalResult().entries)
    writeFileSync(join(folder, 'result.json'), JSON.stringify(result))
  })

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

  test('an existing entry is replaced only with --replace', async () => {
    const args = ['add', folder, '--entry', 'pgd-at', '--entries', join(folder, 'entries')]
    await leaderboard(...args)
    await expect(leaderboard(...args)).rejects.toThrow(
      'linf-8-255/pgd-at.json: entry already exists; choose another --id, or pass --replace',
    )
    await leaderboard(...args, '--replace', '--title', 'Again')
    const file = join(folder, 'entries', 'cifar10', 'linf-8-255', 'pgd-at.json')
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ title: 'Again' })
    await leaderboard(...args, '--replace', '--title', 'Once more')
    const history = file.replace(/\.json$/, '.history.json')
    expect(JSON.parse(readFileSync(history, 'utf8'))).toMatchObject({
      earlier: [{ title: 'Again' }, { title: 'pgd-at' }],
    })
  })

  test('a result is refused if it is not that of the chunks beside it', async () => {
    const args = ['add', folder, '--entry', 'pgd-at', '--entries', join(folder, 'entries')]
    mkdirSync(join(folder, 'units'))
    await leaderboard(...args)
    rmSync(join(folder, 'entries'), { recursive: true })
    writeFileSync(join(folder, 'units', 'damaged.json'), 'not a chunk')
    await expect(leaderboard(...args)).rejects.toThrow(
      'result.json: must agree with the chunks in units beside it, from which it was made; run ' +
        'the suite again:',
    )
    expect(existsSync(join(folder, 'entries'))).toBe(false)
  })

  test('further attacks on a model with an entry are a supplement to it', async () => {
    const made = typicalResult().entries.find(({ defense }) => defense.name === 'pgd-at')!
    const attacks = made.attacks.slice(0, 1)
    const further = { ...made, attacks, worstCaseRobustAccuracy: 0.4488 }
    const own = join(folder, 'further')
    mkdirSync(own)
    writeFileSync(join(own, 'result.json'), JSON.stringify(boardResult([further])))
    const entries = ['--entry', 'pgd-at', '--entries', join(folder, 'entries')]
    const addFurther = ['add', own, ...entries, '--id', 'further']
    await expect(leaderboard(...addFurther)).rejects.toThrow(
      'entry "further"#/attacks: must contain autoattack, or apgd-ce + apgd-t + square, with ' +
        'default or larger budgets, or supplement an entry that does; there is none of the same ' +
        'model file',
    )
    expect(existsSync(join(folder, 'entries'))).toBe(false)
    await leaderboard('add', folder, ...entries)
    await leaderboard(...addFurther)
    expect(printed).toContain('further.json, a supplement: its attacks count into best known')
    await leaderboard(...addFurther, '--replace', '--json')
    expect(printed).toMatch(/"supplements": \[\s+".*further\.json"\s+\]/)
  })

  test('an unknown defense is rejected with a suggestion, and so is toy data', async () => {
    const add = ['add', folder, '--entries', join(folder, 'entries'), '--entry']
    await expect(leaderboard(...add, 'pgd-ta')).rejects.toThrow(
      'has no defense of that name; did you mean "pgd-at"? (defenses: standard, pgd-at)',
    )
    writeFileSync(
      join(folder, 'result.json'),
      JSON.stringify({ ...boardResult(typicalResult().entries), ...toy() }),
    )
    await expect(leaderboard(...add, 'standard')).rejects.toThrow('toy data')
    expect(existsSync(join(folder, 'entries'))).toBe(false)
  })
})
