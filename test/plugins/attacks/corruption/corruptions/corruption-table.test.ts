/** The table of corruptions equals the published one. */
import { expect, test } from 'vitest'
import {
  benchmarkCorruptions,
  corruptionIds,
  extraCorruptions,
} from '../../../../../core/threat/corruption-ids.ts'
import { corruptions } from '../../../../../plugins/attacks/corruption/corruptions/corruption-table.ts'

function benchmarkOf(family: string): string[] {
  return benchmarkCorruptions.filter((id) => corruptions[id].family === family)
}

test('the benchmark has 15 corruptions in the four families of the paper, and 4 are extra', () => {
  expect(benchmarkOf('noise')).toEqual(['gaussian-noise', 'shot-noise', 'impulse-noise'])
  expect(benchmarkOf('blur')).toEqual(['defocus-blur', 'glass-blur', 'motion-blur', 'zoom-blur'])
  expect(benchmarkOf('weather')).toEqual(['snow', 'frost', 'fog', 'brightness'])
  expect(benchmarkOf('digital')).toEqual([
    'contrast',
    'elastic-transform',
    'pixelate',
    'jpeg-compression',
  ])
  expect(extraCorruptions.map((id) => corruptions[id].family)).toEqual([
    'noise',
    'blur',
    'weather',
    'digital',
  ])
  expect(Object.keys(corruptions)).toEqual([...corruptionIds])
  expect(new Set(corruptionIds).size).toBe(19)
})

test.each(Object.values(corruptions))('$id has five distinct sets of constants', (corruption) => {
  const { constants } = corruption
  expect(constants).toHaveLength(5)
  expect(new Set(constants.map((one) => JSON.stringify(one))).size).toBe(5)
  expect(new Set(constants.map((one) => Object.keys(one).join())).size).toBe(1)
})

test('the constants are those published for 32 × 32 pixels', () => {
  const values = Object.fromEntries(
    Object.entries(corruptions).map(([id, { constants }]) => [
      id,
      constants.map((one) => Object.values(one)),
    ]),
  )
  expect(values).toMatchObject({
    'gaussian-noise': [[0.04], [0.06], [0.08], [0.09], [0.1]],
    'shot-noise': [[500], [250], [100], [75], [50]],
    'impulse-noise': [[0.01], [0.02], [0.03], [0.05], [0.07]],
    'defocus-blur': [
      [0.3, 0.4],
      [0.4, 0.5],
      [0.5, 0.6],
      [1, 0.2],
      [1.5, 0.1],
    ],
    'glass-blur': [
      [0.05, 1, 1],
      [0.25, 1, 1],
      [0.4, 1, 1],
      [0.25, 1, 2],
      [0.4, 1, 2],
    ],
    'motion-blur': [
      [6, 1],
      [6, 1.5],
      [6, 2],
      [8, 2],
      [9, 2.5],
    ],
    'zoom-blur': [[1.06], [1.11], [1.15], [1.2], [1.25]],
    snow: [
      [0.1, 0.2, 1, 0.6, 8, 3, 0.95],
      [0.1, 0.2, 1, 0.5, 10, 4, 0.9],
      [0.15, 0.3, 1.75, 0.55, 10, 4, 0.9],
      [0.25, 0.3, 2.25, 0.6, 12, 6, 0.85],
      [0.3, 0.3, 1.25, 0.65, 14, 12, 0.8],
    ],
    frost: [
      [1, 0.2],
      [1, 0.3],
      [0.9, 0.4],
      [0.85, 0.4],
      [0.75, 0.45],
    ],
    fog: [
      [0.2, 3],
      [0.5, 3],
      [0.75, 2.5],
      [1, 2],
      [1.5, 1.75],
    ],
    brightness: [[0.05], [0.1], [0.15], [0.2], [0.3]],
    contrast: [[0.75], [0.5], [0.4], [0.3], [0.15]],
    'elastic-transform': [
      [0, 0, 2.56],
      [1.6, 6.4, 2.24],
      [2.56, 1.92, 1.92],
      [3.2, 1.28, 1.6],
      [3.2, 0.96, 0.96],
    ].map((row) => row.map((value) => expect.closeTo(value, 12) as number)),
    pixelate: [[0.95], [0.9], [0.85], [0.75], [0.65]],
    'jpeg-compression': [[80], [65], [58], [50], [40]],
    'speckle-noise': [[0.06], [0.1], [0.12], [0.16], [0.2]],
    'gaussian-blur': [[0.4], [0.6], [0.7], [0.8], [1]],
    saturate: [
      [0.3, 0],
      [0.1, 0],
      [1.5, 0],
      [2, 0.1],
      [2.5, 0.2],
    ],
  })
})
