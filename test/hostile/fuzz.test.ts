/** A few hundred random damages; the slow tests try many more. */
import { test } from 'vitest'
import { fuzz, fuzzValues } from './fuzz.ts'
import { jsonReaders, readers } from './readers.ts'

test.each(readers)('$name: 8 random damages are read or refused', async (reader) => {
  await fuzz(reader, 8)
})

test.each(jsonReaders)('$name: 8 documents with other values', async (reader) => {
  await fuzzValues(reader, 8)
})
