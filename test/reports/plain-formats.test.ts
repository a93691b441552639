/** The formats for other programs: CSV, LaTeX, and Markdown. */
import { describe, expect, test } from 'vitest'
import { writeCsvReport } from '../../reports/csv.ts'
import { writeLatexReport } from '../../reports/latex.ts'
import { writeMarkdownReport } from '../../reports/markdown.ts'
import { makeEntry, typicalResult } from './fixture.ts'

const named = (name: string) => ({
  ...typicalResult(),
  entries: [makeEntry(name, { clean: 9000, robust: { fgsm: 5000, 'pgd-20': undefined } })],
})

describe('csv', () => {
  test('has a row for each measurement, with its interval', () => {
    const [head, ...rows] = writeCsvReport(named('a')).split('\r\n')
    expect(head).toBe('dataset,threat_model,defense,attack,seed,count,total,accuracy,low,high')
    expect(rows).toEqual([
      'cifar10,L∞ ≤ 8/255,a,clean,,9000,10000,0.900000,0.893966,0.905727',
      'cifar10,L∞ ≤ 8/255,a,fgsm,0,5000,10000,0.500000,0.490202,0.509798',
      'cifar10,L∞ ≤ 8/255,a,pgd-20,0,,,,,',
      'cifar10,L∞ ≤ 8/255,a,worst case,,5000,10000,0.500000,0.490202,0.509798',
      '',
    ])
  })

  test('names own data as its owner does', () => {
    const [entry] = named('a').entries
    const dataset = { ...entry!.dataset, id: 'files', title: 'my-images' }
    const report = writeCsvReport({ ...named('a'), entries: [{ ...entry!, dataset }] })
    expect(report).toContain('\r\nmy-images,L∞ ≤ 8/255,a,clean,')
  })

  test('quotes separators', () => {
    expect(writeCsvReport(named('a,"b"'))).toContain(',"a,""b""",clean,')
  })
})

test('markdown escapes its markup, and a failed attack makes the worst case a bound', () => {
  const lines = writeMarkdownReport(named('a|b_*')).split('\n')
  expect(lines.slice(2, 5)).toEqual([
    '| Defense | Clean | fgsm | pgd-20 | Worst case |',
    '| --- | ---: | ---: | ---: | ---: |',
    String.raw`| a\|b\_\* | 90.00 % (89.40–90.57) | 50.00 % (49.02–50.98) | failed | ` +
      '≤ 50.00 % (49.02–50.98) |',
  ])
})

test('latex has one table per section, with special characters escaped', () => {
  const text = writeLatexReport(named('a_b & 50%\\'))
  expect(text).toContain(
    String.raw`a\_b \& 50\%\textbackslash{} & 90.00~\% (89.40--90.57) & 50.00~\% (49.02--50.98)` +
      String.raw` & failed & $\leq$ 50.00~\% (49.02--50.98) \\`,
  )
  expect(text).toContain(String.raw`\begin{tabular}{lrrrr}`)
  expect(text).toContain(String.raw`\caption{CIFAR-10, L$\infty$ $\leq$ 8/255, n = 10000.`)
})

test.each(['=1+1', '+1', '-1', '@sum', ' =1', '＝1'])(
  'csv: spreadsheets do not evaluate the name %j',
  (name) => {
    expect(writeCsvReport(named(name))).toContain(`,'${name},clean,`)
  },
)

test('csv: controls and directions of text are not passed on', () => {
  const report = writeCsvReport(named('a\u202eb\u001b[31m\r\nc'))
  expect(report).toContain(String.raw`,a\u202eb [31m c,clean,`)
})
