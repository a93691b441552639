/** Targets of a suite: names of classes, and targets that cannot be meant. */
import { describe, expect, test } from 'vitest'
import { refuseUselessTarget, withClassNumber } from '../../../../core/bench/plan/targets.ts'

const animals = { classNames: ['cat', 'dog', 'next'], classes: 3 }
const numbered = { classNames: ['0', '1', '2'], classes: undefined }

function targetOf(target: number | string, data: Parameters<typeof withClassNumber>[1] = animals) {
  return withClassNumber({ norm: 'Linf', epsilon: 0.1, target }, data, '--target').target
}

describe('a target', () => {
  test('is a number, a word, or the name of a class', () => {
    expect(targetOf(2)).toBe(2)
    expect(targetOf('dog')).toBe(1)
    expect(targetOf('least-likely')).toBe('least-likely')
    // The words of targets come before names.
    expect(targetOf('next')).toBe('next')
  })

  test('that names no class is refused, with a suggestion', () => {
    expect(() => targetOf('Dog')).toThrow(
      '--target: expected a class of the data or next, least-likely, random, given; got "Dog"; ' +
        'did you mean "dog"? (classes: cat, dog, next)',
    )
  })

  test('cannot be a name where the data has none', () => {
    expect(() => targetOf('cat', numbered)).toThrow(
      'got "cat"; the data does not name its classes (--class-names)',
    )
    expect(() => targetOf('1', numbered)).toThrow('expected a class number')
  })
})

describe('a class that is the target of all images', () => {
  const labels = Int32Array.of(1, 1, 0, 2)

  test('is refused if it is the label of all evaluated images', () => {
    expect(() => refuseUselessTarget(1, labels, 2, '--target')).toThrow(
      '--target: class 1 is the label of every image, so none can be attacked; choose another class',
    )
  })

  test('is named with the number of images that it cannot be reached from', () => {
    expect(refuseUselessTarget(1, labels, 4, '--target')).toBe(
      'the target, class 1, is the label of 2 of 4 images (50.0 %), which therefore cannot be ' +
        'attacked and count as robust',
    )
    expect(refuseUselessTarget(2, labels, 3, '--target')).toBeUndefined()
    expect(refuseUselessTarget('next', labels, 4, '--target')).toBeUndefined()
  })
})
