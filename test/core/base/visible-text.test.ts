/** Texts without a character that shows are blank. */
import { expect, test } from 'vitest'
import { compileSchema } from '../../../core/base/schema.ts'
import { visibleText } from '../../../core/base/visible-text.ts'

const problemsOf = (text: string): readonly unknown[] => compileSchema(visibleText)(text).problems

test.each([
  ['nothing', ''],
  ['blanks of all widths', ' \t\n\u00a0\u2003\u3000'],
  ['characters of zero width', '\u200b\u200d\u2060\ufeff'],
  ['changes of direction', '\u202e\u2066\u061c'],
  ['fillers', '\u3164\uffa0\u115f\u2800'],
  ['selectors of variants', '\ufe0f\u180b\u034f'],
  ['tags', '\u{e0001}\u{e0041}\u{e0100}'],
  ['controls', '\u0000\u001b\u0085'],
  ['half of a surrogate pair', '\ud800'],
])('%s: blank', (_, text) => {
  expect(problemsOf(text)).toEqual([
    { pointer: '', message: `must be a text that is not blank, got ${JSON.stringify(text)}` },
  ])
})

test.each(['a', '\u200bx', '模型', '😀', '-', '0'])('%s: not blank', (text) => {
  expect(problemsOf(text)).toEqual([])
})
