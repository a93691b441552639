/** The conformance battery for data sets: files with a description, read as any suite reads them. */
import { sizeOf } from '../engine/tensor/tensor.ts'
import type { Dataset, DatasetReference } from '../data/dataset.ts'
import { loadDataset } from '../data/load.ts'
import { packDataset, unpackDataset } from '../data/packed.ts'
import { hashBytes } from '../base/hash.ts'
import { ensure } from './plugin-checks.ts'
import type { PluginCheck } from './plugin-checks.ts'

/** The data set to check. */
export interface DatasetConformance {
  /** As in a suite: `{ path: 'dataset.json' }`. */
  readonly reference: DatasetReference
  /** Makes paths absolute; default: relative to the working directory. */
  resolvePath?(path: string): string
}

/** Share of the examples that may have the same image as another one. */
const mostRepeated = 0.01

/** Rows that are read at a time. */
const batch = 256

/** All checks of a data set. */
export function datasetConformance(subject: DatasetConformance): PluginCheck[] {
  let loaded: Promise<Dataset> | undefined
  const load = (): Promise<Dataset> =>
    loadDataset(subject.reference, {
      split: 'test',
      ...(subject.resolvePath && { resolvePath: subject.resolvePath }),
    })
  const first = (): Promise<Dataset> => (loaded ??= load())
  const checks: readonly (readonly [string, (dataset: Dataset) => void | Promise<void>])[] = [
    ['it can be loaded, and has examples', checkCount],
    ['every class has a name of its own and examples', checkClasses],
    ['pixels are finite, within the bounds, and use them', checkPixels],
    ['no image is there several times, nor with two labels', checkRepeated],
    ['rows do not depend on the batch, and are copies', checkRows],
    [
      'it is the same when it is loaded again',
      async ({ hash }) => ensure((await load()).hash === hash, 'data set', 'its hash changes'),
    ],
    ['it is the same after packing, as workers of a queue get it', checkPacked],
  ]
  return checks.map(([name, check]) => ({ name, run: async () => check(await first()) }))
}

function nameOf({ id }: Dataset): string {
  return `data set ${id}`
}

function checkCount(dataset: Dataset): void {
  const { count, labels, shape } = dataset
  ensure(count > 0, nameOf(dataset), 'it has no examples')
  ensure(labels.length === count, nameOf(dataset), `${count} images, but ${labels.length} labels`)
  const isPositive = shape.every((size) => Number.isSafeInteger(size) && size > 0)
  ensure(isPositive, nameOf(dataset), `images have the shape [${shape.join(', ')}]`)
}

function checkClasses(dataset: Dataset): void {
  const { labels, classNames, classes } = dataset
  const name = nameOf(dataset)
  ensure(classes !== undefined, name, 'nothing names the classes; add classNames')
  ensure(classNames.length >= 2, name, `it has ${classNames.length} classes, expected at least 2`)
  const blank = classNames.findIndex((text) => text.trim() === '')
  ensure(blank < 0, name, `class ${blank} has a blank name`)
  const repeated = classNames.find((text, at) => classNames.indexOf(text) !== at)
  ensure(repeated === undefined, name, `two classes have the name "${repeated}"`)
  const counts = new Int32Array(classNames.length)
  labels.forEach((label, row) => {
    const isKnown = label >= 0 && label < classNames.length
    ensure(isKnown, name, `label ${row} is ${label}, but there are ${classNames.length} classes`)
    counts[label]! += 1
  })
  const empty = counts.indexOf(0)
  ensure(empty < 0, name, `class ${empty} ("${classNames[empty]}") has no examples`)
}

function checkPixels(dataset: Dataset): void {
  const name = nameOf(dataset)
  const [low, high] = dataset.bounds
  let [least, most] = [Infinity, -Infinity]
  forEachBatch(dataset, (data, start) => {
    data.forEach((value, i) => {
      const row = start + Math.floor(i / sizeOf(dataset.shape))
      const isInside = value >= low && value <= high
      ensure(isInside, name, `example ${row} has the value ${value}, outside [${low}, ${high}]`)
      least = Math.min(least, value)
      most = Math.max(most, value)
    })
  })
  ensure(
    most - least > (high - low) / 20,
    name,
    `values from ${least} to ${most} use less than 5 % of the bounds [${low}, ${high}]`,
  )
}

function checkRepeated(dataset: Dataset): void {
  const name = nameOf(dataset)
  const size = sizeOf(dataset.shape)
  const seen = new Map<string, number>()
  let repeated = 0
  let example = ''
  forEachBatch(dataset, (data, start) => {
    for (let at = 0; at * size < data.length; at++) {
      const row = start + at
      const image = data.slice(at * size, (at + 1) * size)
      const hash = hashBytes(new Uint8Array(image.buffer))
      const earlier = seen.get(hash)
      if (earlier === undefined) {
        seen.set(hash, row)
        continue
      }
      repeated += 1
      example ||= `examples ${earlier} and ${row}`
      const { labels } = dataset
      ensure(
        labels[earlier] === labels[row],
        name,
        `examples ${earlier} and ${row} are the same image with the labels ${labels[earlier]} ` +
          `and ${labels[row]}`,
      )
    }
  })
  ensure(
    repeated <= mostRepeated * dataset.count,
    name,
    `${repeated} of ${dataset.count} images are there several times, such as ${example}`,
  )
}

function checkRows(dataset: Dataset): void {
  const name = nameOf(dataset)
  const last = dataset.count - 1
  const pair = dataset.rows([last, 0]).data
  const single = dataset.rows([last]).data
  const isSame = single.every((value, i) => Object.is(value, pair[i]))
  ensure(isSame, name, `example ${last} differs in another batch`)
  const before = single.slice()
  single.fill(-1)
  const isCopy = dataset.rows([last]).data.every((value, i) => Object.is(value, before[i]))
  ensure(isCopy, name, 'rows() returns its own memory, not a copy')
}

function checkPacked(dataset: Dataset): void {
  const name = nameOf(dataset)
  const again = unpackDataset(packDataset(dataset), name)
  ensure(again.hash === dataset.hash, name, 'its hash changes')
  const row = [Math.floor(dataset.count / 2)]
  const [own, packed] = [dataset.rows(row).data, again.rows(row).data]
  ensure(
    own.every((value, i) => Object.is(value, packed[i])),
    name,
    'a pixel changes',
  )
}

function forEachBatch(dataset: Dataset, use: (data: Float32Array, start: number) => void): void {
  for (let start = 0; start < dataset.count; start += batch) {
    const length = Math.min(batch, dataset.count - start)
    use(dataset.rows(Int32Array.from({ length }, (_, i) => start + i)).data, start)
  }
}
