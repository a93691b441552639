/** Numbers, counts, and ids as text. */
import { expect, test } from 'vitest'
import { countOf, percent, significant } from '../../../core/base/figures.ts'
import { slugOf } from '../../../core/base/slug.ts'

test('fractions become percent with two decimals', () => {
  expect([0, 0.6925, 1].map(percent)).toEqual(['0.00 %', '69.25 %', '100.00 %'])
})

test('significant keeps three digits', () => {
  expect([0.031234, 7380.4, 12].map(significant)).toEqual(['0.0312', '7380', '12'])
})

test('counts have separators and a noun in the right number', () => {
  expect(countOf(1, 'entry', 'entries')).toBe('1 entry')
  expect(countOf(0, 'entry', 'entries')).toBe('0 entries')
  expect(countOf(10_000, 'example')).toBe('10,000 examples')
})

test('slugs have lowercase letters, digits, and single hyphens', () => {
  expect(['  TRADES (β = 6)/v2 ', 'a__b', '–'].map(slugOf)).toEqual(['trades-6-v2', 'a-b', ''])
})
