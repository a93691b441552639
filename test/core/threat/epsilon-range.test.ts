/** Sizes of perturbations that are refused, and the limits that are not. */
import { describe, expect, test } from 'vitest'
import { requireEpsilonInRange } from '../../../core/threat/epsilon-range.ts'
import type { Norm } from '../../../core/threat/threat-model.ts'

const shape = [3, 4, 4]
const check =
  (norm: Norm, epsilon: number, bounds: [number, number] = [0, 1]) =>
  (): void =>
    requireEpsilonInRange({ norm, epsilon, bounds }, shape, '--epsilon')

describe('a size that no image exceeds is refused', () => {
  test('8 asks for 8/255', () => {
    expect(check('Linf', 8)).toThrow(
      '--epsilon: 8 is above the largest Linf distance between two images in [0, 1], 1: ' +
        'every image would be allowed; did you mean "8/255"?',
    )
  })

  test.each<[Norm, number, string]>([
    ['Linf', 256, '256 is above the largest Linf distance between two images in [0, 1], 1'],
    ['L2', 7, '7 is above the largest L2 distance between two images in [0, 1], 6.93'],
    ['L1', 49, '49 is above the largest L1 distance between two images in [0, 1], 48'],
    ['L0', 17, '17 is above the number of pixels of an image, 16'],
  ])('%s %d', (norm, epsilon, message) => {
    expect(check(norm, epsilon)).toThrow(message)
    expect(check(norm, epsilon)).not.toThrow('did you mean')
  })

  test.each<[Norm, number, number, string]>([
    ['Linf', 1, 0.999, 'is the largest Linf distance between two images in [0, 1]'],
    ['L2', Math.sqrt(48), 6.92, 'is the largest L2 distance between two images in [0, 1]'],
    ['L1', 48, 47.9, 'is the largest L1 distance between two images in [0, 1]'],
    ['L0', 16, 15, 'is the number of pixels of an image'],
  ])('%s at the limit %d', (norm, epsilon, below, message) => {
    expect(check(norm, epsilon)).toThrow(`${message}: every image would be allowed`)
    expect(check(norm, below)).not.toThrow()
  })

  test('a curve may end at the limit, and a box may leave a pixel free', () => {
    const whole = { norm: 'Linf', epsilon: 1, bounds: [0, 1] } as const
    expect(() => requireEpsilonInRange(whole, shape, '', { isCurve: true })).not.toThrow()
    expect(() => requireEpsilonInRange({ ...whole, given: 'box' }, shape, '')).not.toThrow()
  })

  test('the range of the data counts', () => {
    expect(check('Linf', 8, [0, 255])).not.toThrow()
    expect(check('Linf', 255, [0, 255])).toThrow(
      '255 is the largest Linf distance between two images in [0, 255]: every image would be ' +
        'allowed; epsilon is in the units of the images',
    )
    expect(check('Linf', 2, [-1, 1])).toThrow('every image would be allowed')
    expect(check('Linf', 1.9, [-1, 1])).not.toThrow()
    expect(check('Linf', 2.1, [-1, 1])).toThrow('in [-1, 1], 2: every image would be allowed')
  })
})

describe('a size that float32 rounds away is refused', () => {
  test.each<[number, [number, number]]>([
    [2 ** -23, [0, 1]],
    [2 ** -23, [-1, 1]],
  ])('from %d on images in %j are accepted', (spacing, bounds) => {
    expect(check('Linf', spacing, bounds)).not.toThrow()
    expect(check('L2', spacing * 0.99, bounds)).toThrow('is below the resolution of float32')
  })

  test('the message names the resolution', () => {
    expect(check('Linf', 1e-9)).toThrow(
      '--epsilon: 1e-9 is below the resolution of float32 for images in [0, 1], 1.19e-7: ' +
        'no image would change',
    )
  })

  test('in [0, 255], such a size is far below a gray level', () => {
    expect(check('Linf', 2 ** -16, [0, 255])).toThrow('is 0.0000153 gray levels of images in')
    expect(check('Linf', 2 ** -17, [0, 255])).toThrow('is below the resolution of float32')
  })

  test('a transform alone has no size', () => {
    expect(check('Linf', 0)).not.toThrow()
  })
})

describe('a size far below a gray level', () => {
  test('is refused in [0, 255], where it is meant for pixels in [0, 1]', () => {
    expect(check('Linf', 8 / 255, [0, 255])).toThrow(
      '--epsilon: 8/255 is 0.0314 gray levels of images in [0, 255], so no 8-bit image would ' +
        'change; epsilon is in the units of the images; did you mean 8?',
    )
    expect(check('L2', 0.099, [0, 255])).toThrow('did you mean 25.245?')
    expect(check('Linf', 1e-4, [0, 255])).not.toThrow('did you mean')
  })

  test.each<[Norm, number, [number, number]]>([
    ['Linf', 0.1, [0, 255]],
    ['L2', 0.1, [0, 255]],
    ['L0', 1, [0, 255]],
    ['Linf', 1e-4, [0, 1]],
    ['Linf', 1e-4, [-1, 1]],
  ])('%s %d in %j is accepted', (norm, epsilon, bounds) => {
    expect(check(norm, epsilon, bounds)).not.toThrow()
  })

  test('is accepted where boxes give it', () => {
    const threatModel = { norm: 'Linf', epsilon: 0.05, bounds: [0, 255], given: 'box' } as const
    expect(() => requireEpsilonInRange(threatModel, shape, '--box')).not.toThrow()
    const { given: _given, ...plain } = threatModel
    expect(() => requireEpsilonInRange(plain, shape, '--epsilon')).toThrow('0.05 gray levels')
  })
})
