/** Targets, radii, and boxes that a file gives for each image. */
import { ConfigError } from '../base/errors.ts'
import { hashBytes, hashJson } from '../base/hash.ts'
import { sizeOf } from '../engine/tensor/tensor.ts'
import { toLabels } from './arrays.ts'
import type { Dataset, DatasetSettings, GivenLimits } from './dataset.ts'
import { readNpy, refuseArray } from './formats/npy.ts'
import type { NpyArray } from './formats/npy.ts'

/**
 * Adds what the files of the settings give for each image. Their rows are those of the whole data;
 * a sample takes its own.
 * @throws ConfigError ROBENCH_DATA for a file that is missing, or has another shape, type, or range
 */
export async function withGivenLimits(
  dataset: Dataset,
  { targets, epsilons, box }: DatasetSettings,
  resolvePath: (path: string) => string,
): Promise<Dataset> {
  if (targets === undefined && epsilons === undefined && box === undefined) return dataset
  const limits: GivenLimits = {
    ...(targets !== undefined && {
      targets: chosen(toTargets(await readNpy(resolvePath(targets)), dataset), dataset, 1),
    }),
    ...(epsilons !== undefined && {
      epsilons: chosen(toEpsilons(await readNpy(resolvePath(epsilons)), dataset), dataset, 1),
    }),
    ...(box && {
      box: await readBox(resolvePath(box.lower), resolvePath(box.upper), dataset),
    }),
  }
  const doubts = [...(dataset.doubts ?? []), ...doubtsAboutTargets(limits, dataset, targets)]
  return {
    ...dataset,
    limits,
    ...(doubts.length > 0 && { doubts }),
    get hash() {
      return hashJson({ data: dataset.hash, limits: hashOf(limits) })
    },
  }
}

function toTargets(array: NpyArray, { total }: Dataset): Int32Array {
  const { labels } = toLabels(array)
  if (labels.length === total) return labels
  return refuseArray(array, `expected a target for each of ${total} images, got ${labels.length}`)
}

/**
 * Targets that are the labels of their images, which nobody can attack.
 * @param path of the file of targets
 * @throws ConfigError ROBENCH_DATA if all are
 */
function doubtsAboutTargets(
  { targets }: GivenLimits,
  { labels }: Dataset,
  path: string | undefined,
): string[] {
  const same = targets ? targets.filter((target, row) => target === labels[row]).length : 0
  if (same === 0) return []
  if (same === labels.length) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${path}: every target is the label of its image; a target is a class that the attacker ` +
        'wants in its place',
    )
  }
  return [
    `${same} of ${labels.length} targets are the labels of their images, which therefore cannot ` +
      'be attacked and count as robust',
  ]
}

function toEpsilons(array: NpyArray, { total }: Dataset): Float64Array {
  const { data } = array
  const values = Float64Array.from({ length: data.length }, (_, row) => Number(data[row]))
  if (values.length !== total) {
    refuseArray(array, `expected an ε for each of ${total} images, got ${values.length}`)
  }
  const row = values.findIndex((value) => !(value > 0 && Number.isFinite(value)))
  if (row >= 0) refuseArray(array, `row ${row}: expected an ε above 0, got ${values[row]}`)
  return values
}

async function readBox(
  lowerPath: string,
  upperPath: string,
  dataset: Dataset,
): Promise<NonNullable<GivenLimits['box']>> {
  const lower = await readCorner(lowerPath, dataset)
  const upper = await readCorner(upperPath, dataset)
  const { bounds, shape } = dataset
  const size = sizeOf(shape)
  for (let i = 0; i < lower.length; i++) {
    const [low, high] = [lower[i]!, upper[i]!]
    if (low >= bounds[0] && low <= high && high <= bounds[1]) continue
    throw new ConfigError(
      'ROBENCH_DATA',
      `${lowerPath}, ${upperPath}: image ${Math.floor(i / size)}: expected ` +
        `${bounds[0]} ≤ lower ≤ upper ≤ ${bounds[1]}, got ${low} and ${high}`,
    )
  }
  if (lower.every((value) => value === bounds[0]) && upper.every((value) => value === bounds[1])) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${lowerPath}, ${upperPath}: every box is the whole range [${bounds[0]}, ${bounds[1]}], so ` +
        'it contains every image of that range',
    )
  }
  const box = { lower: chosen(lower, dataset, size), upper: chosen(upper, dataset, size) }
  refuseBoxesElsewhere(box, dataset, `${lowerPath}, ${upperPath}`)
  return box
}

/** Rounding by which an image may leave its box, as a share of the bounds. */
const boxTolerance = 1e-6

/** @throws ConfigError ROBENCH_DATA for a box that does not contain its image */
function refuseBoxesElsewhere(
  { lower, upper }: NonNullable<GivenLimits['box']>,
  { count, rows, bounds }: Dataset,
  place: string,
): void {
  const slack = boxTolerance * (bounds[1] - bounds[0])
  let elsewhere = 0
  let first: string | undefined
  for (let row = 0; row < count; row++) {
    const { data } = rows([row])
    const start = row * data.length
    const at = data.findIndex(
      (value, i) => value < lower[start + i]! - slack || value > upper[start + i]! + slack,
    )
    if (at < 0) continue
    elsewhere += 1
    first ??= `${data[at]} of image ${row} is not in [${lower[start + at]}, ${upper[start + at]}]`
  }
  if (first === undefined) return
  throw new ConfigError(
    'ROBENCH_DATA',
    `${place}: the boxes of ${elsewhere} of ${count} images do not contain the image (${first}); ` +
      'check that rows and units are those of the images',
  )
}

async function readCorner(path: string, { total, shape }: Dataset): Promise<Float32Array> {
  const array = await readNpy(path)
  const expected = [total, ...shape]
  if (array.shape.join() !== expected.join() || !(array.data instanceof Float32Array)) {
    refuseArray(
      array,
      `expected float32 [${expected.join(', ')}], got ${array.dtype} [${array.shape.join(', ')}]`,
    )
  }
  return array.data
}

/** The values of the sampled rows. @param size values per row */
function chosen<Values extends Int32Array | Float32Array | Float64Array>(
  values: Values,
  { positions }: Dataset,
  size: number,
): Values {
  if (!positions) return values
  const picked = values.slice(0, positions.length * size) as Values
  positions.forEach((row, place) => {
    picked.set(values.subarray(row * size, (row + 1) * size), place * size)
  })
  return picked
}

function hashOf({ targets, epsilons, box }: GivenLimits): string {
  const arrays = [targets, epsilons, box?.lower, box?.upper]
  return hashJson(
    arrays.map((array) =>
      array ? hashBytes(new Uint8Array(array.buffer, array.byteOffset, array.byteLength)) : null,
    ),
  )
}
