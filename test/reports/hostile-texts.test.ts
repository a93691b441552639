/** No text of a result moves the cursor of a terminal, reorders what is read, or hides in it. */
import { describe, expect, test } from 'vitest'
import type { RunResult } from '../../core/bench/result/result.ts'
import { reportFormats } from '../../reports/index.ts'
import { formatTable } from '../../reports/text.ts'
import { troubledResult, typicalResult } from './fixture.ts'

/** An override of directions, "clear the screen", the bell, a blank of no width, and a tag. */
const hostile = '\u202e\u001b[2J\u0007\u200b\u00ad\u{e0041}\u009b2J'
// oxlint-disable-next-line no-control-regex -- finds control characters
const raw = /[\u0000-\u0009\u000b-\u000c\u000e-\u001f\u007f-\u009f\u00ad\u200b\u202e\u{e0041}]/u

/** Paths of all texts in a value, except outcomes, which have one letter for each example. */
function textsOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value === 'string') return /^[01wbr]{20,}$/.test(value) ? [] : [path]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, each]) => textsOf(each, [...path, key]))
}

/** A copy of a result that differs in these texts. */
function withTails(result: RunResult, paths: readonly (readonly string[])[]): RunResult {
  const copy = structuredClone(result)
  for (const path of paths) {
    const parent = path.slice(0, -1).reduce<object>((at, key) => Reflect.get(at, key), copy)
    const key = path.at(-1)!
    Reflect.set(parent, key, `${String(Reflect.get(parent, key))}${hostile}`)
  }
  return copy
}

/** With few examples, so that many reports take little time. */
function small(result: RunResult): RunResult {
  const short = (value: unknown): unknown => {
    if (typeof value === 'string') return /^[01wbr]{100,}$/.test(value) ? value.slice(0, 20) : value
    if (Array.isArray(value)) return value.map(short)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, short(each)]))
  }
  const entries = result.entries.map((entry) => short(entry) as RunResult['entries'][number])
  return {
    ...result,
    entries: entries.map((entry) => ({
      ...entry,
      dataset: { ...entry.dataset, examples: 20 },
    })),
  }
}

/** Words of the schema: another one hides parts of a report. */
const words = ['state', 'verdict', 'kind', 'norm', 'given', 'target']

const results = { typical: small(typicalResult()), troubled: small(troubledResult()) }

describe.each(Object.entries(results))('%s', (_name, result) => {
  const paths = textsOf(result).filter((path) => !words.includes(path.at(-1)!))

  test.each(Object.entries(reportFormats))('%s, with all texts changed', (_id, { write }) => {
    expect(paths.length).toBeGreaterThan(30)
    expect(write(result)).not.toMatch(raw)
    expect(write(withTails(result, paths)).match(raw)).toBe(null)
  })

  test('the table of a terminal, with one text changed', () => {
    const leaks = paths.filter((path) => {
      const options = { color: false, width: 79 }
      return raw.test(formatTable(withTails(result, [path]), options))
    })
    expect(leaks).toEqual([])
  })
})

test('the table shows what it escapes', () => {
  const [entry, ...others] = results.typical.entries
  const title = `CIFAR${hostile}`
  const changed = { ...entry!, dataset: { ...entry!.dataset, title } }
  const table = formatTable({ ...results.typical, entries: [changed, ...others] }, { color: false })
  expect(table).toContain(String.raw`CIFAR\u202e [2J \u200b\u00ad\udb40\udc41 2J · L∞ ≤ 8/255`)
})
