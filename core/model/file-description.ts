/** The input and output of an ONNX classifier file. */
import { GraphError } from '../base/errors.ts'
import { formatShape, type Dim } from '../engine/graph/dim.ts'
import type { OnnxGraph, OnnxValueInfo } from '../engine/onnx/file.ts'
import { sizeOf, type DType } from '../engine/tensor/tensor.ts'
import type { ModelManifest } from './manifest.ts'

/** `[channels, height, width]`. */
export type ImageShape = readonly [channels: number, height: number, width: number]

/** The names and shapes of a file's input and output. */
export interface FileDescription {
  readonly input: string
  readonly output: string
  readonly inputShape: ImageShape
  /** The element type of the file's input. Images are cast to it; for integers, rounded. */
  readonly inputType: DType
  /**
   * The shape of the file's input, after normalization and layout. Its first size is the batch,
   * unless the file takes a single example without an axis for the batch.
   */
  readonly fileShape: readonly Dim[]
  /** The batch size of the file, if it is fixed. 1 for a file without an axis for the batch. */
  readonly fixedBatch?: number
}

const stateShape = "state the images' shape (--shape channels,height,width)"

const imagesOfAnySize: readonly (number | null)[] = [null, null, null, null]

/** Element types that images can be cast to. */
const inputTypes: ReadonlySet<DType> = new Set([
  'float32',
  'float64',
  'float16',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
])

/**
 * Reads the input from the graph. `chooseOutput` chooses the output.
 * @param given the shape of the images, for files that leave it open
 * @param name the model's name in errors
 * @throws GraphError ROBENCH_MODEL_FILE if the input is not one batch of images, or the given
 *   shape does not match it
 */
export function describeInput(
  graph: OnnxGraph,
  manifest: ModelManifest,
  given: ImageShape | undefined,
  name: string,
): Omit<FileDescription, 'output'> {
  const [input, ...others] = graph.inputs
  if (!input || others.length > 0) {
    const names = graph.inputs.map((info) => info.name).join(', ')
    const advice = input
      ? 'export the model with the images as its only input, and the other values as constants'
      : 'export the model with the images as its input'
    throw invalidFile(name, `expected one input, got ${names || 'none'}; ${advice}`)
  }
  const { dtype } = input
  if (dtype === null || !inputTypes.has(dtype)) {
    throw invalidFile(name, `expected an input of numbers, got ${input.kind ?? dtype}`)
  }
  // Without a shape, it is that of images.
  const own = input.shape ?? (given ? imagesOfAnySize : [])
  if (input.shape === null && !given) {
    throw invalidFile(name, `the input "${input.name}" has no shape; ${stateShape}`)
  }
  if (own.includes(0)) {
    throw invalidFile(
      name,
      `the input ${formatInput(input)} has an axis of size 0, so it takes no image; ` +
        'export the model with the sizes of its images',
    )
  }
  if (own.length < 1 || own.length > 4) {
    throw invalidFile(name, `expected an input of 1 to 4 axes, got ${formatInput(input)}`)
  }
  const place = { input: input.name, inputType: dtype }
  if (own.length === 4) {
    const inputShape = imageShape({ ...input, shape: own }, manifest, given, name)
    const [c, h, w] = inputShape
    const images = manifest.layout === 'NHWC' ? [h, w, c] : [c, h, w]
    return { ...place, inputShape, ...batchOf(own[0]!, images) }
  }
  return { ...place, ...rearrangedImages(input, own, given, name) }
}

/** An error in the model file or in the way it is read. */
export function invalidFile(name: string, message: string): GraphError {
  return new GraphError('ROBENCH_MODEL_FILE', `${name}: ${message}`)
}

/** Whether the file takes one example without an axis for the batch. */
export function isUnbatched({ fileShape }: Pick<FileDescription, 'fileShape'>): boolean {
  return typeof fileShape[0] === 'number'
}

function batchOf(
  batch: Dim | null,
  sizes: readonly number[],
): Pick<FileDescription, 'fileShape' | 'fixedBatch'> {
  return {
    fileShape: ['n', ...sizes],
    ...(typeof batch === 'number' && { fixedBatch: batch }),
  }
}

/**
 * An input of another rank than 4 with the elements of an image: `[n, d]`, `[n, h, w]`,
 * `[n, d, 1]`, or a single example such as `[d]`.
 */
function rearrangedImages(
  input: OnnxValueInfo,
  own: readonly (Dim | null)[],
  given: ImageShape | undefined,
  name: string,
): Pick<FileDescription, 'inputShape' | 'fileShape' | 'fixedBatch'> {
  const shown = formatInput(input)
  const known = own.filter((size) => typeof size === 'number')
  const [batch, ...sizes] = own
  // Without the images' shape, the two axes of a rank of 3 are height and width.
  const stated = known.length === own.length || (own.length === 3 && typeof batch !== 'number')
  const [h, w] = sizes
  const assumed: ImageShape | undefined =
    own.length === 3 && stated && typeof h === 'number' && typeof w === 'number'
      ? [1, h, w]
      : undefined
  const inputShape = given ?? assumed
  if (!inputShape) {
    throw invalidFile(name, `the input is ${shown}; ${stateShape}`)
  }
  const elements = sizeOf(inputShape)
  const isSingle = known.length === own.length && sizeOf(known) === elements && batch !== 1
  if (isSingle) return { inputShape, fileShape: known, fixedBatch: 1 }
  const open = sizes.filter((size) => typeof size !== 'number').length
  const stateds = sizeOf(sizes.filter((size) => typeof size === 'number'))
  const fits = open === 0 ? stateds === elements : open === 1 && elements % stateds === 0
  if (own.length === 1 || !fits) {
    throw invalidFile(
      name,
      `the input is ${shown}, which does not match images of ${formatShape(inputShape)} ` +
        '(channels, height, width)',
    )
  }
  const filled = sizes.map((size) => (typeof size === 'number' ? size : elements / stateds))
  return { inputShape, ...batchOf(batch!, filled) }
}

function formatInput({ shape }: OnnxValueInfo): string {
  return formatShape(shape?.map((dim) => dim ?? '?') ?? [])
}

function imageShape(
  input: OnnxValueInfo,
  manifest: ModelManifest,
  given: ImageShape | undefined,
  name: string,
): ImageShape {
  const shown = formatInput(input)
  const [, a, b, c] = input.shape ?? []
  const own = manifest.layout === 'NHWC' ? [c, a, b] : [a, b, c]
  const shape = own.map((dim, i) => (typeof dim === 'number' ? dim : given?.[i]))
  if (shape.some((dim) => dim === undefined)) {
    throw invalidFile(name, `the input ${shown} has open sizes; ${stateShape}`)
  }
  if (given && given.some((dim, i) => dim !== shape[i])) {
    const isOtherLayout = given[0] === own[2] || given[0] === own[1]
    const hint = isOtherLayout
      ? '; if the data has the channels last, save x.transpose(0, 3, 1, 2); if the model has, ' +
        'set --layout NHWC'
      : ''
    throw invalidFile(
      name,
      `the model expects images of ${formatShape(shape as number[])} (channels, height, width), ` +
        `but the data has ${formatShape(given)}${hint}`,
    )
  }
  return shape as [number, number, number]
}
