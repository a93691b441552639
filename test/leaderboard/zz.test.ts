import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'vitest'
import { entryLocation } from '../../leaderboard/entry.ts'
import { manyEntries } from './many-entries.ts'
import { board } from './fixture.ts'
function write(folder: string, entries: ReturnType<typeof board>) {
  for (const entry of entries) {
    const file = join(folder, `${entryLocation(entry)}.json`)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, JSON.stringify(entry))
  }
}
test('gen', () => {
  write('/tmp/w/bd/few', board())
  write('/tmp/w/bd/n200', manyEntries(200))
  write('/tmp/w/bd/n5000', manyEntries(5000))
})
