/** More than 20,000 random damages of files that robench reads. */
import { expect, test } from 'vitest'
import { fuzz, fuzzValues } from './fuzz.ts'
import { jsonReaders, readers } from './readers.ts'

const runs = 900

test('these are at least 20,000', () => {
  expect(readers.length * runs).toBeGreaterThanOrEqual(20_000)
})

test.each(readers)('$name: random damages are read or refused', async (reader) => {
  await fuzz(reader, runs)
})

test.each(jsonReaders)('$name: documents with other values', async (reader) => {
  await fuzzValues(reader, runs)
})

test('none of them needs much memory', () => {
  expect(process.resourceUsage().maxRSS / 1024).toBeLessThan(2000)
})
