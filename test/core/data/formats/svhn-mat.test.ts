import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { decodeSvhn } from '../../../../core/data/formats/svhn-mat.ts'
import { packageRoot } from '../../../../core/base/paths.ts'
import { matFile, named, errorOf } from '../fixtures.ts'
import type { MatVariable } from '../fixtures.ts'

/** Column-major as in MATLAB; a pixel's value encodes its row, column, channel, and example. */
function images(count: number, shape = [32, 32, 3, count]): MatVariable {
  const data = new Uint8Array(32 * 32 * 3 * count)
  for (let n = 0, i = 0; n < count; n++)
    for (let channel = 0; channel < 3; channel++)
      for (let column = 0; column < 32; column++)
        for (let row = 0; row < 32; row++, i++) data[i] = mark(n, channel, row, column)
  return { name: 'X', shape, data, arrayClass: 9 }
}

function mark(n: number, channel: number, row: number, column: number): number {
  return (n * 101 + channel * 53 + row * 7 + column) % 256
}

function digits(values: readonly number[]): MatVariable {
  return { name: 'y', shape: [values.length, 1], data: Uint8Array.from(values) }
}

test('images are decoded into row-major planes, and label 10 into digit 0', () => {
  for (const compressed of [false, true]) {
    const bytes = matFile([images(5), digits([1, 10, 9, 10, 2])], { compressed })
    const { pixels, labels } = decodeSvhn([named(bytes)])
    expect(labels).toEqual(Int32Array.of(1, 0, 9, 0, 2))
    for (const [n, channel, row, column] of [
      [0, 0, 0, 1],
      [0, 2, 31, 0],
      [3, 1, 5, 20],
      [4, 2, 31, 31],
    ] as const) {
      expect(pixels[((n * 3 + channel) * 32 + row) * 32 + column]).toBe(
        mark(n, channel, row, column),
      )
    }
  }
})

test('a single image, whose last axis MATLAB drops, is read', () => {
  const { labels } = decodeSvhn([named(matFile([images(1, [32, 32, 3]), digits([7])]))])
  expect(labels).toEqual(Int32Array.of(7))
})

const real = join(packageRoot(), '../shared/data/svhn/tiny_recropped_11.mat')

test.runIf(existsSync(real))('a file written by MATLAB-compatible software is read', () => {
  const { pixels, labels } = decodeSvhn([named(readFileSync(real))])
  expect([...labels]).toEqual([1, 9, 2, 3, 2, 5, 5, 2, 1, 0, 6])
  expect(pixels.length).toBe(11 * 3072)
  // Photographs are smooth: neighbors in a row or column differ little if the axes are in order.
  let across = 0
  let down = 0
  for (let i = 0; i < pixels.length - 32; i++) {
    across += Math.abs(pixels[i]! - pixels[i + 1]!)
    down += Math.abs(pixels[i]! - pixels[i + 32]!)
  }
  expect(Math.max(across, down) / pixels.length).toBeLessThan(15)
})

describe('rejects', () => {
  test('a file without X and y', async () => {
    const bytes = matFile([{ name: 'digitStruct', shape: [1, 1], data: Float64Array.of(0) }])
    expect(await errorOf(() => decodeSvhn([named(bytes)]))).toMatchInlineSnapshot(
      `"ROBENCH_DATA: FILE: expected numeric arrays "X" and "y" (SVHN format 2, cropped digits), got "digitStruct""`,
    )
  })

  test('images of the wrong shape', async () => {
    const bytes = matFile([images(2, [3, 32, 32, 2]), digits([1, 2])])
    expect(await errorOf(() => decodeSvhn([named(bytes)]))).toMatchInlineSnapshot(
      `"ROBENCH_DATA: FILE: X: expected uint8 [32, 32, 3, n], got uint8 [3, 32, 32, 2]"`,
    )
  })

  test('unequal counts', async () => {
    const bytes = matFile([images(2), digits([1, 2, 3, 4, 5])])
    expect(await errorOf(() => decodeSvhn([named(bytes)]))).toMatchInlineSnapshot(
      `"ROBENCH_DATA: FILE: y: expected [2, 1], one label for each image of X, got [5, 1]"`,
    )
  })

  test('labels outside 1 to 10', async () => {
    const bytes = matFile([images(5), digits([1, 2, 0, 4, 5])])
    expect(await errorOf(() => decodeSvhn([named(bytes)]))).toMatchInlineSnapshot(
      `"ROBENCH_DATA: FILE: y: element 2: expected a whole number from 1 to 10 (10 is digit 0), got 0"`,
    )
  })
})
