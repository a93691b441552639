/** Targets and boxes for each image that cannot be meant. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dump } from 'npyjs'
import type { TypedArray } from 'npyjs'
import { expect, test } from 'vitest'
import { loadDataset } from '../../../core/data/load.ts'
import { temporaryFolder } from './fixtures.ts'

const count = 4
const pixels = Float32Array.from({ length: count * 4 }, (_, i) => i / 16)
const labels = Int32Array.of(0, 1, 2, 1)

/** Loads four images of 2 × 2 pixels with files that give something for each of them. */
function load(files: Readonly<Record<string, TypedArray>>, settings: (path: string) => object) {
  const folder = temporaryFolder()
  const write = (name: string, data: TypedArray, shape: number[]): string => {
    const path = join(folder, `${name}.npy`)
    writeFileSync(path, new Uint8Array(dump(data, shape)))
    return path
  }
  for (const [name, data] of Object.entries(files)) {
    write(name, data, data.length === count ? [count] : [count, 1, 2, 2])
  }
  const inputs = write('x', pixels, [count, 1, 2, 2])
  const reference = { inputs, labels: write('y', labels, [count]), ...settings(folder) }
  return loadDataset(reference, { split: 'test' })
}

const targeted = (targets: Int32Array, settings: object = {}) =>
  load({ t: targets }, (folder) => ({ targets: join(folder, 't.npy'), ...settings }))

test('targets that are all the labels are refused', async () => {
  await expect(targeted(labels)).rejects.toThrow(
    't.npy: every target is the label of its image; a target is a class that the attacker wants',
  )
})

test('targets of which some are the labels raise a doubt, in a sample those of the sample', async () => {
  const { doubts } = await targeted(Int32Array.of(0, 2, 0, 1))
  expect(doubts).toEqual([
    '2 of 4 targets are the labels of their images, which therefore cannot be attacked and count ' +
      'as robust',
  ])
  expect((await targeted(Int32Array.of(1, 2, 0, 0))).doubts).toBeUndefined()
  const sampled = await targeted(Int32Array.of(0, 2, 0, 2), { sample: { count: 3, seed: 0 } })
  expect(sampled.doubts).toEqual([expect.stringMatching(/^1 of 3 targets/)])
})

const boxed = (lower: Float32Array, upper: Float32Array) =>
  load({ lower, upper }, (folder) => ({
    box: { lower: join(folder, 'lower.npy'), upper: join(folder, 'upper.npy') },
  }))
const shifted = (by: number) => pixels.map((value) => Math.min(1, Math.max(0, value + by)))

test('boxes contain their images, up to rounding', async () => {
  const { limits } = await boxed(shifted(-0.1), shifted(0.1))
  expect(limits?.box?.lower).toEqual(shifted(-0.1))
  await expect(boxed(shifted(5e-7), shifted(0.1))).resolves.toBeDefined()
})

test('boxes of other images are refused', async () => {
  await expect(boxed(shifted(0.05), shifted(0.1))).rejects.toThrow(
    'the boxes of 4 of 4 images do not contain the image (0 of image 0 is not in ' +
      '[0.05000000074505806, 0.10000000149011612]); check that rows and units are those of the images',
  )
  const upper = shifted(0.1)
  upper[6] = 0.25
  const lower = shifted(-0.1)
  lower[6] = 0.25
  await expect(boxed(lower, upper)).rejects.toThrow('boxes of 1 of 4 images')
})

test('boxes that are the whole range are refused, unless one pixel is not free', async () => {
  const [lower, upper] = [pixels.map(() => 0), pixels.map(() => 1)]
  await expect(boxed(lower, upper)).rejects.toThrow(
    'every box is the whole range [0, 1], so it contains every image of that range',
  )
  upper[0] = pixels[0]!
  await expect(boxed(lower, upper)).resolves.toBeDefined()
})
