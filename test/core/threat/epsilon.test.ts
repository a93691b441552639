/** Sizes are parsed from numbers, strings, and fractions; others are rejected. */
import { describe, expect, test } from 'vitest'
import { parseEpsilon, epsilonSlug, formatEpsilon } from '../../../core/threat/epsilon.ts'

test.each([
  [0.03, 0.03],
  ['0.03', 0.03],
  ['8/255', 8 / 255],
  [' 8 / 255 ', 8 / 255],
  ['1e-3', 1e-3],
  ['0.5/2', 0.25],
])('%j is %d', (value, expected) => {
  expect(parseEpsilon(value)).toBe(expected)
})

describe('an error names the option and its value', () => {
  test('for text that is not a number', () => {
    expect(() => parseEpsilon('8/25S')).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: epsilon: expected a positive number or a fraction such as "8/255", got "8/25S"]`,
    )
  })
  test('for another option', () => {
    expect(() => parseEpsilon(-1, 'stepSize')).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: stepSize: expected a positive number or a fraction such as "8/255", got -1]`,
    )
  })
  test.each([
    '',
    ' ',
    '/255',
    '8/',
    '8/0',
    '0/255',
    '8/255/2',
    '0x10',
    'Infinity',
    '-8/255',
    '1,5',
    0,
    Number.NaN,
    Infinity,
    null,
    undefined,
    [],
    {},
    true,
  ])('for %j', (value) => {
    expect(() => parseEpsilon(value)).toThrow(/^epsilon: expected a positive number or a fraction/)
  })

  test('and shortens what it repeats', () => {
    expect(() => parseEpsilon('x'.repeat(1e6))).toThrow(/got "x{56}…$/)
  })
})

test.each([
  [8 / 255, '8/255', '8-255'],
  [0.031372549, '8/255', '8-255'],
  [0.1, '0.1', '0.1'],
  [2.5, '2.5', '2.5'],
  [0.123456789, '0.123457', '0.123457'],
])('%f is written %s in text and %s in names', (epsilon, text, slug) => {
  expect(formatEpsilon(epsilon)).toBe(text)
  expect(epsilonSlug(epsilon)).toBe(slug)
})
