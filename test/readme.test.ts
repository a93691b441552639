/** The README's table of attacks is made by the code; UPDATE_README=1 writes it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../core/base/paths.ts'
import builtins from '../plugins/index.ts'

const begin = '<!-- attacks: made by test/readme.test.ts -->\n'
const end = '<!-- end of attacks -->\n'

test('the README lists every attack with its norms, knowledge, source and provenance', async () => {
  const rows: string[] = []
  for (const load of Object.values(builtins.attacks ?? {})) {
    const { id, title, norms, knowledge, source, provenance } = (await load()).meta
    const paper = source ? `[${source.authors} ${source.year}](${source.url})` : ''
    rows.push(
      `| \`${id}\` | ${title} | ${norms.join(', ')} | ${knowledge} | ${paper} | ${provenance} |`,
    )
  }
  const head =
    '| attack | | norms | knowledge | source | provenance |\n| --- | --- | --- | --- | --- | --- |'
  const table = `${begin}${head}\n${rows.join('\n')}\n${end}`
  const path = join(packageRoot(), 'README.md')
  const text = readFileSync(path, 'utf8')
  if (process.env['UPDATE_README'] === '1') {
    const parts = [text.slice(0, text.indexOf(begin)), text.slice(text.indexOf(end) + end.length)]
    writeFileSync(path, parts.join(table))
  }
  expect(readFileSync(path, 'utf8')).toContain(table)
})
