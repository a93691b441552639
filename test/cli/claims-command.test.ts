/** The command `claims` on results in directories, and the page docs/claims.md. */
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { claimsCommand } from '../../cli/claims-command.ts'
import { packageRoot } from '../../core/base/paths.ts'
import {
  atOptions,
  datOptions,
  entryOf,
  pgd20,
  resultOf,
  window,
} from '../reports/claims/fixture.ts'

let folder: string
let printed: string
const sink = new Writable({
  write(chunk, _encoding, done) {
    printed += String(chunk)
    done()
  },
})

beforeEach(() => {
  printed = ''
  folder = mkdtempSync(join(tmpdir(), 'robench-claims-'))
  const dat = entryOf({ plugin: 'dat', options: datOptions }, [pgd20(window(40))])
  const pgdAt = entryOf({ plugin: 'pgd-at', options: atOptions }, [pgd20(window(50))])
  writeFileSync(join(folder, 'dat.json'), JSON.stringify(resultOf(dat)))
  writeFileSync(join(folder, 'pgd-at.json'), JSON.stringify(resultOf(pgdAt)))
})
afterEach(() => rmSync(folder, { recursive: true }))

async function claims(...args: string[]): Promise<void> {
  await claimsCommand({ stdout: sink, stderr: sink }).parseAsync(args, { from: 'user' })
}

test('compares rows of several results', async () => {
  await claims(join(folder, 'dat.json'), join(folder, 'pgd-at.json'))
  expect(printed).toContain('1 comparison: 0 reproduced at this scale, 1 not reproduced')
})

test('writes Markdown to a file', async () => {
  const out = join(folder, 'deep', 'claims.md')
  await claims(join(folder, 'dat.json'), '--format', 'markdown', '--out', out)
  expect(readFileSync(out, 'utf8')).toContain('| not tested: no result has a row of pgd-at |')
  expect(printed).toBe(`wrote ${out}\n`)
})

test('prints JSON', async () => {
  await claims('--json')
  const document = JSON.parse(printed) as { claims: { notTested?: string }[] }
  expect(document.claims[0]?.notTested).toBe(
    'no result has a row of dat; no result has a row of pgd-at',
  )
})

test('two formats at once are rejected', async () => {
  await expect(claims('--json', '--format', 'markdown')).rejects.toThrow(
    '--json and --format markdown are contradictory; use only one of them',
  )
})

test('the table in docs/claims.md is the output of the command', async () => {
  const path = join(packageRoot(), 'docs', 'claims.md')
  const [before = '', ...rest] = readFileSync(path, 'utf8').split('<!-- table -->\n')
  const results = join(packageRoot(), 'docs', 'claims')
  const names = readdirSync(results).map((name) => join(results, name))
  await claims(...names, '--format', 'markdown')
  const expected = [before, `\n${printed}\n`, rest[1] ?? ''].join('<!-- table -->\n')
  if (process.env['ROBENCH_UPDATE'] === '1') writeFileSync(path, expected)
  expect(readFileSync(path, 'utf8')).toBe(expected)
})
