/** The table of formats, and the JSON format. */
import { expect, test } from 'vitest'
import { reportFormats } from '../../reports/index.ts'
import { typicalResult } from './fixture.ts'

test('formats are sorted, and each contains the worst case', () => {
  const ids = Object.keys(reportFormats)
  expect(ids).toEqual(ids.toSorted())
  for (const format of Object.values(reportFormats)) {
    expect(format.write(typicalResult())).toMatch(/39\.61|0\.3961/)
  }
})

test('JSON has counts, fractions, and intervals, but no outcomes', () => {
  const text = reportFormats.json.write(typicalResult())
  expect(JSON.parse(text)).toMatchObject({
    schemaVersion: 1,
    command: 'npx robench run suites/cifar10.json',
    entries: [
      { defense: { name: 'standard' }, clean: { count: 8312, total: 10_000, fraction: 0.8312 } },
      {
        defense: { name: 'pgd-at' },
        worstCase: { count: 3961, fraction: 0.3961, interval: { low: expect.closeTo(0.3866, 4) } },
        attacks: [{ attack: { name: 'fgsm' }, brokenAlone: 0 }, { brokenAlone: 527 }],
      },
    ],
  })
  expect(text).not.toContain('utcomes')
})
