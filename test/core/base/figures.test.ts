/** Numbers and names as text. */
import { expect, test } from 'vitest'
import { countOf, percent, percentDigits, significant } from '../../../core/base/figures.ts'
import { slugOf } from '../../../core/base/slug.ts'
import { sum, sumBy } from '../../../core/base/sum.ts'

test('significant digits are rounded, without trailing zeros', () => {
  expect([0.03125, 1.5, 2, 123456, 1e-7].map((value) => significant(value))).toEqual([
    '0.0313',
    '1.5',
    '2',
    '123000',
    '1e-7',
  ])
  expect(significant(8 / 255, 6)).toBe('0.0313725')
})

test('percent has two decimals unless others are requested', () => {
  expect([percent(0.69254), percentDigits(1), percent(0.5, 1)]).toEqual([
    '69.25 %',
    '100.00',
    '50.0 %',
  ])
})

test('a slug has single hyphens between letters and digits', () => {
  expect(slugOf('  ResNet-18 (PGD, ε = 8/255)')).toBe('resnet-18-pgd-8-255')
  expect(slugOf('—')).toBe('')
})

test('sums are added in order; empty ones are 0', () => {
  expect(sum([1e16, 1, -1e16])).toBe(0)
  expect(sum([])).toBe(0)
  expect(sumBy(['ab', 'c'], ({ length }) => length)).toBe(3)
})

test('counts have separators and a noun in the right number', () => {
  expect(countOf(1, 'entry', 'entries')).toBe('1 entry')
  expect(countOf(0, 'entry', 'entries')).toBe('0 entries')
  expect(countOf(10_000, 'example')).toBe('10,000 examples')
})
