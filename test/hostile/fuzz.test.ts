/** A few hundred random damages; the slow tests try many more. */
import { test } from 'vitest'
import { fuzz } from './fuzz.ts'
import { readers } from './readers.ts'

test.each(readers)('$name: 15 random damages are read or refused', async (reader) => {
  await fuzz(reader, 15)
})
