/** The examples of a program: checks arrays, loads data sets and .npy files. */
import { resolve } from 'node:path'
import { ConfigError } from '../../base/errors.ts'
import { shown } from '../../base/schema.ts'
import type { Dataset, DatasetReference } from '../../data/dataset.ts'
import { loadDataset } from '../../data/load.ts'
import { countClasses, memoryDataset, numberedClasses } from '../../data/memory-dataset.ts'
import { isDataPath } from '../../data/registry.ts'
import { describeExamples } from '../../data/model-fit.ts'
import type { ExampleFacts } from '../../data/model-fit.ts'
import { sizeOf } from '../../engine/tensor/tensor.ts'
import type { ExampleArrays, ExampleData } from './request.ts'

/** Labeled images, and what a model must fit. */
export interface Examples
  extends ExampleFacts, Pick<Dataset, 'count' | 'rows' | 'positions' | 'limits' | 'doubts'> {
  /** The examples as another process gets them. */
  readonly dataset: Dataset
}

/**
 * Loads or wraps the examples of a request.
 * @throws ConfigError ROBENCH_DATA for arrays of the wrong form or missing files,
 * ROBENCH_CONFIG for an unknown data set
 */
export async function openExamples(
  data: ExampleData,
  bounds?: readonly [low: number, high: number],
): Promise<Examples> {
  const isRecord = typeof data === 'object' && data !== null
  const own = bounds && { bounds }
  const load = async (reference: DatasetReference): Promise<Examples> =>
    describe(await loadDataset({ ...own, ...reference }, { split: 'test', resolvePath: resolve }))
  if (typeof data === 'string') return load(isDataPath(data) ? { path: data } : { id: data })
  if (isRecord && 'path' in data) return load(data)
  if (isRecord && typeof data.inputs === 'string' && typeof data.labels === 'string') {
    // Both are paths.
    return load(data as DatasetReference)
  }
  if (!isRecord || !('inputs' in data) || !('labels' in data)) {
    throw invalid(
      'data',
      `expected { inputs, labels } or the id of a data set such as "cifar10", got ${shown(data)}`,
    )
  }
  // Neither a string nor a pair of paths.
  return fromArrays(data as ExampleArrays, bounds)
}

/**
 * @throws ConfigError ROBENCH_DATA for the first of `count` examples with a value outside the
 * bounds
 */
export function requireInside(
  examples: Examples,
  count: number,
  [low, high]: readonly [low: number, high: number],
): void {
  for (let row = 0; row < count; row++) {
    const outside = examples.rows([row]).data.find((value) => !(value >= low && value <= high))
    if (outside === undefined) continue
    throw invalid(
      `${examples.name}.inputs`,
      `example ${row} has the value ${outside}, expected values in [${low}, ${high}]; ` +
        'scale the inputs, or set bounds to their range (normalization belongs in mean and std)',
    )
  }
}

function describe(dataset: Dataset): Examples {
  const { count } = dataset
  const { positions, limits, doubts } = dataset
  const rows: Dataset['rows'] = (indices) => dataset.rows(indices)
  return {
    ...describeExamples(dataset),
    count,
    ...(positions && { positions }),
    ...(limits && { limits }),
    ...(doubts && { doubts }),
    rows,
    dataset,
  }
}

function fromArrays(
  { inputs, labels: given }: ExampleArrays,
  bounds?: readonly [low: number, high: number],
): Examples {
  const { data, shape } = checkInputs(inputs)
  const [count, ...rowShape] = shape
  const labels = checkLabels(given, count)
  const dataset = memoryDataset({
    id: 'data',
    title: 'data',
    split: 'test',
    toy: false,
    shape: rowShape,
    classNames: numberedClasses(labels),
    pixels: data,
    labels,
    ...(bounds && { bounds }),
  })
  return {
    name: 'data',
    classes: undefined,
    likelyClasses: countClasses(labels),
    count,
    shape: rowShape,
    labels,
    bounds: data instanceof Uint8Array ? dataset.bounds : undefined,
    rows: (indices) => dataset.rows(indices),
    dataset,
  }
}

/** Inputs whose shape is that of images. */
interface ImageArray {
  readonly data: Float32Array | Uint8Array
  readonly shape: readonly [count: number, channels: number, height: number, width: number]
}

function checkInputs(inputs: unknown): ImageArray {
  const isRecord = typeof inputs === 'object' && inputs !== null
  const data: unknown = isRecord ? Reflect.get(inputs, 'data') : undefined
  const shape: unknown = isRecord ? Reflect.get(inputs, 'shape') : undefined
  if (!(data instanceof Float32Array || data instanceof Uint8Array)) {
    const got = isRecord && !ArrayBuffer.isView(inputs) ? kindOf(data) : kindOf(inputs)
    throw invalid(
      'data.inputs',
      `expected { data, shape } with data a Float32Array or a Uint8Array, got ${got}`,
    )
  }
  const isImages =
    Array.isArray(shape) &&
    shape.length === 4 &&
    shape.every((size) => Number.isInteger(size) && size > 0)
  if (!isImages || sizeOf(shape) !== data.length) {
    throw invalid(
      'data.inputs',
      `expected a shape [n, channels, height, width] of ${data.length} elements, ` +
        `got ${shown(shape)}`,
    )
  }
  // Four positive integers.
  return { data, shape: shape as unknown as ImageArray['shape'] }
}

function checkLabels(given: ArrayLike<number | bigint>, count: number): Int32Array {
  const length: unknown = Object(given).length
  if (length !== count) {
    const got = typeof length === 'number' ? length : kindOf(given)
    throw invalid('data.labels', `expected ${count} labels, one for each input, got ${got}`)
  }
  return Int32Array.from({ length: count }, (_, row) => {
    const label = Number(given[row])
    if (Number.isInteger(label) && label >= 0 && label < 2 ** 31) return label
    throw invalid('data.labels', `label ${row}: expected a class number from 0, got ${given[row]}`)
  })
}

function kindOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  return value.constructor?.name ?? 'an object'
}

function invalid(where: string, problem: string): ConfigError {
  return new ConfigError('ROBENCH_DATA', `${where}: ${problem}`)
}
