/** docs/checks.md says of every check what the code says; UPDATE_DOCS=1 writes it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkDocumentation, documentationOf } from '../../../../core/bench/checks/documentation.ts'
import { probeCost, probeSample } from '../../../../core/bench/checks/run-probes.ts'
import { packageRoot } from '../../../../core/base/paths.ts'
import { raisedBy, zooNames } from './zoo.ts'

const path = join(packageRoot(), 'docs', 'checks.md')

/** What stands between two comments of that name. */
function expectPart(name: string, lines: readonly string[]): void {
  const begin = `<!-- ${name}: made by test/core/checks/documentation.test.ts -->\n`
  const end = `<!-- end of ${name} -->\n`
  const part = `${begin}${lines.join('\n')}\n${end}`
  const text = readFileSync(path, 'utf8')
  if (process.env['UPDATE_DOCS'] === '1') {
    const [before, after] = [text.indexOf(begin), text.indexOf(end) + end.length]
    writeFileSync(path, text.slice(0, before) + part + text.slice(after))
  }
  expect(readFileSync(path, 'utf8')).toContain(part)
}

test.each(['probe', 'comparison'] as const)('each %s is documented', (kind) => {
  const checks = checkDocumentation.filter((check) => check.kind === kind)
  const lines = checks.map(
    ({ id, title, raisedIf, meaning, whatToDo }) =>
      `### ${title}\n\n\`${id}\` is raised if ${raisedIf}.\n\n**Meaning.** ${meaning}\n\n**What to do.** ${whatToDo}\n`,
  )
  expectPart(`${kind}s`, lines)
})

test('the cost of the probes is as said', () => {
  const { forward, backward } = probeCost
  const said = `the first ${probeSample} examples that the model gets right: at most ${forward} forward and ${backward} backward passes each`
  expect(readFileSync(path, 'utf8')).toContain(said)
})

test('the zoo is listed with what catches it', () => {
  const rows = zooNames.map(
    (name) => `| ${name} | ${raisedBy[name].map((id) => `\`${id}\``).join(', ')} |`,
  )
  expectPart('zoo', ['| defense | raised, at least |', '| --- | --- |', ...rows])
})

test('ids differ, are known, and every text is a sentence', () => {
  const ids = checkDocumentation.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  for (const name of zooNames) {
    for (const id of raisedBy[name]) expect(documentationOf(id)?.id).toBe(id)
  }
  for (const { meaning, whatToDo, raisedIf, id } of checkDocumentation) {
    expect(id).toMatch(/^[a-z]+(?:-[a-z]+)*$/)
    expect(meaning).toMatch(/^[A-Z`].*\.$/)
    expect(whatToDo).toMatch(/^[A-Z`].*\.$/)
    expect(raisedIf).not.toMatch(/\.$/)
  }
})
