import { expect, test } from 'vitest'
import { jsonText, oneLine, printable, printableTexts } from '../../../reports/theme/printable.ts'

test('control characters become spaces, except line feeds', () => {
  expect(printable('a\u001b[2Jb\u009bc\r\td\ne')).toBe('a [2Jb c  d\ne')
  expect(oneLine('a\nb')).toBe('a b')
})

test('bidirectional and invisible characters show as escapes', () => {
  expect(printable('user\u202enimda\u2066 \u200b\u2028\ufeff')).toBe(
    String.raw`user\u202enimda\u2066 \u200b\u2028\ufeff`,
  )
})

test('letters of every script, and joiners of them, stay', () => {
  const text = 'βété العربية हिन्दी क्\u200dष 👩\u200d🚀 L∞ ≤ 8/255'
  expect(printable(text)).toBe(text)
})

test('JSON has escapes for what controls a terminal, and is the same value', () => {
  const value = {
    'a\u202eb': ['\u001b[2J', '\u009b2J', '\u2066\u200b', 'L∞ é 👩\u200d🚀', '\ud800'],
  }
  const text = jsonText(value)
  expect(text.split('\n')).toEqual([
    '{',
    String.raw`  "a\u202eb": [`,
    String.raw`    "\u001b[2J",`,
    String.raw`    "\u009b2J",`,
    String.raw`    "\u2066\u200b",`,
    '    "L∞ é 👩\u200d🚀",',
    String.raw`    "\ud800"`,
    '  ]',
    '}',
  ])
  expect(JSON.parse(text)).toEqual(value)
})

test('soft hyphens, fillers, and tags show as escapes', () => {
  expect(printable('a\u00adb\u3164\u206a\ufffb\u{e0041}')).toBe(
    String.raw`a\u00adb\u3164\u206a\ufffb\udb40\udc41`,
  )
})

test('the texts of data become printable, and nothing else changes', () => {
  const value = { a: ['\u202ex', 1, null, true], b: { c: 'y\u0007\nz' } }
  const expected = { a: [String.raw`\u202ex`, 1, null, true], b: { c: 'y \nz' } }
  expect(printableTexts(value)).toEqual(expected)
})
