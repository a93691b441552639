/**
 * A folder of PNG images, evaluated with several bounds: in units that are scaled alike, outcomes
 * are the same.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PNG } from 'pngjs'
import { describe, expect, test } from 'vitest'
import { packageRoot } from '../../core/base/paths.ts'
import { loadDataset } from '../../core/data/load.ts'
import { robench, temporaryFolder } from './support/cli.ts'
import { readOnlyResult } from './support/suite.ts'

const model = join(packageRoot(), 'models', 'quickstart-pgd-at.onnx')
const count = 40
const side = 32

/** Writes the first images of the toy data as PNG files, in one directory for each class. */
async function writeImages(folder: string): Promise<void> {
  const { labels, rows } = await loadDataset({ id: 'quickstart' }, { split: 'test' })
  const { data } = rows(Int32Array.from({ length: count }, (_, row) => row))
  for (let row = 0; row < count; row++) {
    const image = new PNG({ width: side, height: side })
    for (let pixel = 0; pixel < side * side; pixel++) {
      for (let channel = 0; channel < 3; channel++) {
        const value = data[(row * 3 + channel) * side * side + pixel]!
        image.data[4 * pixel + channel] = Math.round(255 * value)
      }
      image.data[4 * pixel + 3] = 255
    }
    const place = join(folder, 'images', `class-${labels[row]}`)
    mkdirSync(place, { recursive: true })
    writeFileSync(join(place, `${row}.png`), PNG.sync.write(image))
  }
}

/** Bounds, and the normalization that maps them to [0, 1], where the model expects its images. */
const ranges = {
  '0,1': [],
  '0,255': ['--mean', '0,0,0', '--std', '255,255,255'],
  '-1,1': ['--mean=-1,-1,-1', '--std', '2,2,2'],
} as const

/** Sizes in each range: those in [0, 1] times its width. */
const sizes = {
  Linf: {
    '0,1': ['8/255', '2/255'],
    '0,255': ['8', '2'],
    '-1,1': ['16/255', '4/255'],
  },
  L2: {
    '0,1': ['0.75', '0.25'],
    '0,255': ['191.25', '63.75'],
    '-1,1': ['1.5', '0.5'],
  },
} as const

describe.each(['Linf', 'L2'] as const)('in %s', (norm) => {
  test('outcomes in [0, 255] and [−1, 1] are those in [0, 1]', async () => {
    const folder = temporaryFolder()
    await writeImages(folder)
    const found: Record<string, readonly string[]> = {}
    for (const bounds of ['0,1', '0,255', '-1,1'] as const) {
      const [epsilon, stepSize] = sizes[norm][bounds]
      const results = `results-${bounds}`
      const { code, stderr } = await robench(
        folder,
        'eval',
        model,
        '--data',
        'images',
        `--bounds=${bounds}`,
        ...ranges[bounds],
        '--norm',
        norm,
        '--epsilon',
        epsilon,
        '--attack',
        'pgd',
        '--steps',
        '10',
        '--step-size',
        stepSize,
        '--no-checks',
        '--workers',
        '1',
        '--results',
        results,
      )
      expect(code, stderr).toBe(0)
      const { entries } = readOnlyResult(folder, results)
      found[bounds] = entries.flatMap(({ cleanOutcomes, attacks }) => [
        cleanOutcomes,
        ...attacks.map((attack) => (attack.state === 'completed' ? attack.outcomes : 'failed')),
      ])
    }
    expect(found['0,255']).toEqual(found['0,1'])
    expect(found['-1,1']).toEqual(found['0,1'])
    const [clean, attacked] = found['0,1']!
    expect(clean).toHaveLength(count)
    // The comparison has both kinds of outcomes.
    expect(attacked).toMatch(/r.*b|b.*r/)
  })
})
