/** Tables for the terminal. */
import { expect, test } from 'vitest'
import { plainTable } from '../../../reports/theme/plain-table.ts'

const head = ['id', 'title', 'count']
const rows = [
  ['pgd', 'Projected gradient descent', '7'],
  ['fgsm', 'Fast gradient sign method', '10,000'],
]

test('a table has one rule, aligned columns, and no trailing spaces', () => {
  expect(plainTable(head, rows, { alignments: ['left', 'left', 'right'] })).toMatchInlineSnapshot(`
    "id    title                        count
    ────────────────────────────────────────
    pgd   Projected gradient descent       7
    fgsm  Fast gradient sign method   10,000"
  `)
})

test('columns that may wrap do so to fit the width', () => {
  const text = plainTable(head, rows, { width: 36, wrapped: [1] })
  expect(text).toMatchInlineSnapshot(`
    "id    title                   count
    ────────────────────────────────────
    pgd   Projected gradient      7
          descent
    fgsm  Fast gradient sign      10,000
          method"
  `)
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBe(36)
})

test('a column is not wrapped below its longest word, even if the table does not fit', () => {
  const text = plainTable(head, rows, { width: 10, wrapped: [1] })
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBe(23)
})
