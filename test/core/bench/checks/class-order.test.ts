/** The order of the classes that predictions show, and predictions that show none. */
import { expect, test } from 'vitest'
import { randomStream } from '../../../../core/base/random.ts'
import { classOrder, classOrderText } from '../../../../core/bench/checks/class-order.ts'

const stream = () => randomStream(0, 'order')

/** Examples of a model that is right about a share of them, and predicts any class otherwise. */
function predictionsOf(classes: readonly number[], count: number, share: number): Int32Array {
  const draws = randomStream(1, 'draws')
  return Int32Array.from({ length: count }, (_, row) =>
    draws.integer(100) < 100 * share ? classes[row % classes.length]! : draws.integer(10),
  )
}

const labelsOf = (classes: number, count: number): Int32Array =>
  Int32Array.from({ length: count }, (_, row) => row % classes)

test.each<[number, number]>([
  [12, 0.95],
  [40, 0.7],
  [64, 0.6],
])('three of ten classes, renumbered, on %d examples', (count, share) => {
  const order = classOrder(predictionsOf([3, 5, 7], count, share), labelsOf(3, count), stream())
  expect(classOrderText(order!)).toBe('0 is 3, 1 is 5, 2 is 7')
})

test('a permutation of ten classes', () => {
  const classes = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]
  const order = classOrder(predictionsOf(classes, 40, 0.8), labelsOf(10, 40), stream())
  expect(classOrderText(order!)).toBe(
    '0 is 3, 2 is 4, 3 is 0, 4 is 5, 5 is 9, 6 is 2, 7 is 6, 9 is 7',
  )
})

test('no order is found where the classes are those of the model', () => {
  const classes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
  for (const share of [0.3, 0.5, 0.7, 1]) {
    for (const count of [12, 40, 64]) {
      const predicted = predictionsOf(classes, count, share)
      expect(classOrder(predicted, labelsOf(10, count), stream())).toBeUndefined()
    }
  }
})

test('predictions that do not depend on the image show no order', () => {
  for (const count of [12, 40, 64]) {
    expect(classOrder(predictionsOf([0], count, 0), labelsOf(3, count), stream())).toBeUndefined()
    expect(classOrder(new Int32Array(count), labelsOf(3, count), stream())).toBeUndefined()
    // A single label cannot be told from a model that always answers the same.
    expect(
      classOrder(new Int32Array(count).fill(4), new Int32Array(count), stream()),
    ).toBeUndefined()
  }
})

test('a model that mistakes one class for another shows no order', () => {
  // Half of class 3 is predicted as class 5.
  const labels = labelsOf(10, 60)
  const predicted = labels.map((label, row) => (label === 3 && row % 20 === 3 ? 5 : label))
  expect(classOrder(predicted, labels, stream())).toBeUndefined()
})
