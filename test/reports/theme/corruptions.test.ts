/** The matrix of corruptions: rows, means over complete rows, and separate matrices. */
import { describe, expect, test } from 'vitest'
import { benchmarkCorruptions } from '../../../core/threat/corruption-ids.ts'
import { corruptionMatrices, isCorruption } from '../../../reports/theme/corruptions.ts'
import type { CorruptionFinding } from '../../../reports/theme/corruptions.ts'
import { proportion } from '../../../reports/theme/proportion.ts'

function finding(
  corruption: string,
  severity: number,
  correct?: number,
  { seed = 0, ...options }: Readonly<Record<string, unknown>> & { readonly seed?: number } = {},
): CorruptionFinding {
  return {
    attack: { plugin: 'corruption', version: 1, options: { ...options, corruption, severity } },
    seed,
    ...(correct !== undefined && { accuracy: proportion(correct, 100) }),
  }
}

test('a corruption is identified by plugin and options', () => {
  const { attack } = finding('fog', 3)
  expect(isCorruption(attack)).toBe(true)
  expect(isCorruption({ ...attack, plugin: 'corruption-like' })).toBe(false)
  expect(isCorruption({ ...attack, options: { corruption: 'fog' } })).toBe(false)
})

describe('corruptionMatrices', () => {
  test('rows are in benchmark order; extra corruptions are last and in no mean', () => {
    const [matrix, ...others] = corruptionMatrices([
      finding('spatter', 1, 10),
      finding('fog', 1, 60),
      finding('fog', 5, 40),
      finding('spatter', 5, 10),
      finding('gaussian-noise', 5, 20),
      finding('gaussian-noise', 1, 30),
    ])
    expect(others).toEqual([])
    expect(matrix!.severities).toEqual([1, 5])
    expect(matrix!.rows.map(({ corruption, mean }) => [corruption, mean])).toEqual([
      ['gaussian-noise', 0.25],
      ['fog', 0.5],
      ['spatter', 0.1],
    ])
    expect(matrix!.means).toEqual([
      {
        label: 'mean of 2',
        bySeverity: [expect.closeTo(0.45), expect.closeTo(0.3)],
        overall: 0.375,
      },
    ])
    expect(matrix!.frost).toBe(false)
  })

  test('the mean of all 15 is labeled so, with another mean without frost', () => {
    const all = benchmarkCorruptions.map((name) => finding(name, 3, name === 'frost' ? 0 : 75))
    const [matrix] = corruptionMatrices(all)
    expect(matrix!.means.map(({ label, overall }) => [label, overall])).toEqual([
      ['mean of all 15', expect.closeTo(0.7)],
      ['mean of 14 without frost', 0.75],
    ])
    expect(matrix!.frost).toBe(true)
  })

  test('there is no mean if a value is missing', () => {
    const [matrix] = corruptionMatrices([
      finding('snow', 1, 50),
      finding('snow', 2),
      finding('fog', 1, 70),
    ])
    expect(matrix!.rows.map(({ cells }) => cells[1])).toEqual(['failed', undefined])
    expect(matrix!.rows.every(({ mean }) => mean === undefined)).toBe(true)
    expect(matrix!.means).toEqual([{ label: 'mean of 2', bySeverity: [0.6, undefined] }])
  })

  test('other seeds and options are in separate matrices', () => {
    const matrices = corruptionMatrices([
      finding('fog', 1, 50),
      finding('fog', 1, 51, { seed: 1 }),
      finding('fog', 1, 52, { quantize: false }),
    ])
    expect(matrices.map(({ seed, options }) => [seed, options])).toEqual([
      [0, {}],
      [1, {}],
      [0, { quantize: false }],
    ])
  })
})
