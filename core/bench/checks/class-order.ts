/** Whether labels are the classes of a model in another order, or some of them with new numbers. */
import type { RandomStream } from '../../base/random.ts'

/** The class of the model that each label stands for; a label that does not occur is absent. */
export type ClassOrder = ReadonlyMap<number, number>

/** Shuffles of the labels that the agreement is compared with. */
const shuffles = 400
/** Highest share of them that may agree as much. */
const significance = 0.01
/** Least share of examples that the order explains. */
const leastAgreement = 0.4
/** Most of the examples of labels with another number that are right without the order. */
const mostRightBefore = 0.25

/**
 * The order of the classes in which predictions agree with labels, if it is another one and neither
 * chance nor the model's own mistakes explain it. The agreement is that of labels matched with the
 * classes that are predicted most often for them; chance is its distribution when the labels are
 * shuffled. Among the examples of labels with a new number, few may be right as the labels are.
 * @param predicted `[n]`
 * @param labels `[n]`
 * @param stream of the shuffles
 */
export function classOrder(
  predicted: Int32Array,
  labels: Int32Array,
  stream: RandomStream,
): ClassOrder | undefined {
  const order = matched(predicted, labels)
  const agreement = agreeing(order, predicted, labels)
  if (agreement < leastAgreement * labels.length) return undefined
  let [moved, rightBefore, rightAfter] = [0, 0, 0]
  labels.forEach((label, row) => {
    const own = order.get(label)
    if (own === undefined || own === label) return
    moved += 1
    if (predicted[row] === label) rightBefore += 1
    if (predicted[row] === own) rightAfter += 1
  })
  if (moved === 0 || rightBefore > mostRightBefore * rightAfter) return undefined
  let asGood = 0
  for (let round = 0; round < shuffles; round++) {
    const permutation = stream.permutation(labels.length)
    const shuffled = labels.map((_, row) => labels[permutation[row]!]!)
    if (agreeing(matched(predicted, shuffled), predicted, shuffled) >= agreement) asGood += 1
    if (asGood >= significance * shuffles) return undefined
  }
  return order
}

/** An order as text: `0 is 3, 1 is 5, 2 is 7`. */
export function classOrderText(order: ClassOrder): string {
  const moved = [...order].filter(([label, own]) => label !== own).toSorted(([a], [b]) => a - b)
  const most = 10
  const shown = moved.slice(0, most).map(([label, own]) => `${label} is ${own}`)
  return `${shown.join(', ')}${moved.length > most ? ', …' : ''}`
}

/** Pairs of labels and predicted classes, one to one, the most frequent ones first. */
function matched(predicted: Int32Array, labels: Int32Array): Map<number, number> {
  const counts = new Map<string, { label: number; own: number; count: number }>()
  labels.forEach((label, row) => {
    const own = predicted[row]!
    const key = `${label} ${own}`
    const found = counts.get(key)
    if (found) found.count += 1
    else counts.set(key, { label, own, count: 1 })
  })
  const order = new Map<number, number>()
  const taken = new Set<number>()
  // Of pairs that are equally frequent, one in which nothing changes.
  const pairs = [...counts.values()].toSorted(
    (a, b) => b.count - a.count || Number(b.label === b.own) - Number(a.label === a.own),
  )
  for (const { label, own } of pairs) {
    if (order.has(label) || taken.has(own)) continue
    order.set(label, own)
    taken.add(own)
  }
  return order
}

function agreeing(order: ClassOrder, predicted: Int32Array, labels: Int32Array): number {
  let count = 0
  labels.forEach((label, row) => {
    if (order.get(label) === predicted[row]) count += 1
  })
  return count
}
