/** Breaking text into lines. */
import { expect, test } from 'vitest'
import { wrapText } from '../../../core/base/wrap.ts'

test('text breaks between words, with an indent after the first line', () => {
  expect(wrapText('one two three four', 9, '  ')).toBe('one two\n  three\n  four')
})

test('a longer word keeps its own line, and line feeds and leading spaces stay', () => {
  expect(wrapText('  a\nconsequences b', 8, '  ')).toBe('  a\nconsequences\n  b')
})
