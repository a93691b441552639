/** The HTML report is complete, self-contained, and escaped. */
import { describe, expect, test } from 'vitest'
import { writeHtmlReport } from '../../reports/html.ts'
import { makeEntry, makeResult, training, troubledResult, typicalResult } from './fixture.ts'

/** The visible text: without markup, with entities decoded and spaces collapsed. */
function visible(html: string): string {
  return html
    .replace(/<style>.*?<\/style>/s, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll('&nbsp;', ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll(/\s+/g, ' ')
}

describe('writeHtmlReport', () => {
  const typical = writeHtmlReport(typicalResult())

  test('shows accuracies with their intervals', () => {
    const text = visible(typical)
    expect(text).toContain('69.25 % 95 % interval 68.34–70.15')
    expect(text).toContain('39.61 % 95 % interval 38.66–40.57')
    expect(text).toContain('L∞ ≤ 8/255')
  })

  test('shows cost, success rate, and training card', () => {
    const text = visible(typical)
    expect(text).toContain('42.80 %')
    expect(text).toContain('14.5 / 13.9')
    expect(text).toContain('name sgd, learningRate 0.1, momentum 0.9, weightDecay 0.0005')
    expect(Object.keys(training).every((name) => text.includes(name))).toBe(true)
  })

  test('shows how to reproduce the run', () => {
    const result = typicalResult()
    const text = visible(typical)
    expect(text).toContain('npx robench run suites/cifar10.json')
    for (const { defense } of result.entries) expect(text).toContain(defense.model.sha256)
    expect(
      visible(writeHtmlReport({ ...result, command: 'npx robench run "my suite.json"' })),
    ).toContain('npx robench run "my suite.json"')
  })

  test('warns about toy data, limits, and failures', () => {
    const text = visible(writeHtmlReport(troubledResult()))
    expect(text).toContain('Toy data.')
    expect(text).toContain('not rankable')
    expect(text).toContain('only 200 of 1,000 examples (--limit)')
    expect(text).toContain('1 defense could not be evaluated, 1 of 4 attacks failed.')
    expect(text).toContain('expected to finish within 600 s, took longer')
    expect(text).toContain('models/not-onnx.onnx: expected an ONNX model, got text')
    expect(text).toContain('npx robench run suites/quickstart.json --limit 200')
  })

  test('marks a worst case as an upper bound if an attack failed', () => {
    expect(visible(writeHtmlReport(troubledResult()))).toContain('≤ 48.50 %')
    expect(visible(typical)).not.toContain('≤ 39.61 %')
  })

  test('loads no script, image, style sheet, or font', () => {
    expect(typical).not.toMatch(/<script|<img|<link|<iframe|@import|url\(|\bsrc=/i)
  })

  test('an empty run renders', () => {
    expect(visible(writeHtmlReport(makeResult([])))).toContain('This run has no entries.')
  })

  test('hostile text is escaped, and unsafe links are plain text', () => {
    const attack = `"><script>alert('x')</script><img src=x onerror=alert(1)>`
    const entry = makeEntry(attack, { clean: 5000, robust: { fgsm: 10, 'pgd-20': undefined } })
    const html = writeHtmlReport(
      makeResult(
        [
          {
            ...entry,
            reasons: [attack],
            defense: {
              ...entry.defense,
              plugin: attack,
              options: { [attack]: attack },
              training: { [attack]: { [attack]: [attack] } },
              link: 'javascript:alert(1)',
            },
            dataset: { ...entry.dataset, title: attack },
          },
        ],
        { suite: { id: attack, title: `</title>${attack}`, sha256: attack }, command: attack },
      ),
    )
    expect(html).not.toMatch(/<script|<img/i)
    expect(html).not.toMatch(/href="javascript/i)
    expect(html.match(/<\/title>/g)).toHaveLength(1)
    expect(html).toContain('&lt;script&gt;')
  })

  test('every id is unique and every inner link has a target', () => {
    for (const html of [typical, writeHtmlReport(troubledResult())]) {
      const ids = [...html.matchAll(/\bid="([^"]*)"/g)].map(([, id]) => id)
      expect(new Set(ids).size).toBe(ids.length)
      for (const [, target] of html.matchAll(/href="#([^"]*)"/g)) expect(ids).toContain(target)
      for (const [, target] of html.matchAll(/aria-labelledby="([^"]*)"/g))
        expect(ids).toContain(target)
    }
  })
})
