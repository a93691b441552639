/** Stratified samples: every class keeps its share. */
import { ConfigError } from '../base/errors.ts'
import { hashJson } from '../base/hash.ts'
import { count } from '../base/figures.ts'
import { randomStream } from '../base/random.ts'
import type { Dataset, SampleSettings } from './dataset.ts'

/**
 * Chooses positions such that each class has the share that it has in the data, rounded by largest
 * remainders. Classes alternate in the order of the result, as far as they have examples left. The
 * choice depends on labels, count, and seed only.
 * @param labels `[n]`
 * @throws ConfigError ROBENCH_CONFIG if the data has fewer examples
 */
export function samplePositions(
  labels: Int32Array,
  { count: wanted, seed }: SampleSettings,
): Int32Array {
  if (wanted > labels.length) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `sample: expected at most ${count(labels.length)} examples, all of the data, got ` +
        count(wanted),
    )
  }
  const members = new Map<number, number[]>()
  labels.forEach((label, row) => {
    const own = members.get(label)
    if (own) own.push(row)
    else members.set(label, [row])
  })
  const classes = [...members].toSorted(([a], [b]) => a - b)
  const sizes = shares(
    classes.map(([, rows]) => rows.length),
    wanted,
  )
  return alternating(
    classes.map(([label, rows], place) => {
      const order = randomStream(seed, 'sample', label).permutation(rows.length)
      return Array.from(order.subarray(0, sizes[place]), (index) => rows[index]!)
    }),
  )
}

/** Members of all lists: the first of each list, then the second of each, and so on. */
export function alternating(lists: readonly (readonly number[])[]): Int32Array {
  const longest = Math.max(0, ...lists.map(({ length }) => length))
  const order: number[] = []
  for (let rank = 0; rank < longest; rank++) {
    for (const list of lists) if (rank < list.length) order.push(list[rank]!)
  }
  return Int32Array.from(order)
}

/** Whole numbers with a given sum, proportional to sizes: largest remainders, first of equal ones. */
function shares(sizes: readonly number[], sum: number): number[] {
  const total = sizes.reduce((all, size) => all + size, 0)
  const found = sizes.map((size) => Math.floor((size * sum) / total))
  const rest = sum - found.reduce((all, size) => all + size, 0)
  sizes
    .map((size, place) => ({ place, remainder: (size * sum) % total }))
    .toSorted((a, b) => b.remainder - a.remainder || a.place - b.place)
    .slice(0, rest)
    .forEach(({ place }) => {
      found[place]! += 1
    })
  return found
}

/** The sampled rows of a data set, as a data set. */
export function sampleDataset(dataset: Dataset, sample: SampleSettings): Dataset {
  const chosen = samplePositions(dataset.labels, sample)
  return {
    ...dataset,
    count: chosen.length,
    labels: chosen.map((row) => dataset.labels[row]!),
    positions: dataset.positions ? chosen.map((row) => dataset.positions![row]!) : chosen,
    sample,
    get hash() {
      return hashJson({ of: dataset.hash, sample })
    },
    rows: (indices) => dataset.rows(Array.from(indices, (index) => rowAt(chosen, index))),
  }
}

function rowAt(chosen: Int32Array, index: number): number {
  const row = chosen[index]
  if (row !== undefined) return row
  throw new RangeError(`row ${index} of a sample of ${chosen.length}`)
}
