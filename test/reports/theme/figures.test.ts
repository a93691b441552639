/** Numbers as the reports write them. */
import { describe, expect, test } from 'vitest'
import * as figures from '../../../reports/theme/figures.ts'

test('fractions become percent with two decimals and a no-break space', () => {
  expect(figures.percent(0.6925)).toBe('69.25\u00a0%')
  expect(figures.percentRange({ low: 0.6834, high: 0.70151 })).toBe('68.34–70.15')
})

test.each([
  [8 / 255, '8/255'],
  [1 / 255, '1/255'],
  [0.031372549, '8/255'],
  [0.1, '0.1'],
  [0.2, '0.2'],
  [0.5, '0.5'],
  [1, '1'],
  [2.5, '2.5'],
  [1 / 3, '85/255'],
  [0.123456789, '0.123457'],
])('epsilon %f is written %s', (epsilon, text) => {
  expect(figures.epsilonText(epsilon)).toBe(text)
})

test.each([
  [0, '0 ms'],
  [999.4, '999 ms'],
  [999.6, '1.0 s'],
  [59_940, '59.9 s'],
  [59_960, '1 min 00 s'],
  [3_599_600, '1 h 00 min'],
  [7_380_000, '2 h 03 min'],
])('%f milliseconds are written %s', (milliseconds, text) => {
  expect(figures.duration(milliseconds)).toBe(text)
})

describe('facts of a model card', () => {
  test('times are durations, objects have no braces, epsilons are fractions of 255', () => {
    expect(figures.fact(17_340_000, 'elapsedMs')).toBe('4 h 49 min')
    expect(figures.fact({ steps: 7, stepSize: 2 / 255 }, 'attack')).toBe('steps 7, stepSize 2/255')
    expect(figures.fact([1, { a: null }], 'list')).toBe('[1, { a null }]')
    expect(figures.fact(12_000_000, 'passes')).toBe('12,000,000')
  })

  test('empty options are none', () => {
    expect(figures.plainOptions({})).toBe('none')
  })
})

test('a timestamp that is not an ISO date is unchanged', () => {
  expect(figures.moment('2026-08-22T14:03:51.903Z')).toBe('2026-08-22 14:03 UTC')
  expect(figures.moment('yesterday')).toBe('yesterday')
})

test('bytes are written in powers of ten', () => {
  expect([812, 1_400, 999_960, 1_104_212].map(figures.bytes)).toEqual([
    '812 B',
    '1.4 kB',
    '1.0 MB',
    '1.1 MB',
  ])
})
