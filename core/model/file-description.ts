/** The input and output of an ONNX classifier file. */
import { GraphError } from '../base/errors.ts'
import { formatShape, type Dim } from '../engine/graph/dim.ts'
import type { OnnxGraph, OnnxValueInfo } from '../engine/onnx/file.ts'
import { sizeOf } from '../engine/tensor/tensor.ts'
import type { ModelManifest } from './manifest.ts'

/** `[channels, height, width]`. */
export type ImageShape = readonly [channels: number, height: number, width: number]

/** The names and shapes of a file's input and output. */
export interface FileDescription {
  readonly input: string
  readonly output: string
  readonly inputShape: ImageShape
  /** The shape of the file's input, after normalization and layout; its first size is the batch. */
  readonly fileShape: readonly Dim[]
  /** The batch size of the file, if it is fixed. */
  readonly fixedBatch?: number
}

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
    throw invalidFile(name, `expected one input, got ${graph.inputs.length} (${names})`)
  }
  if (input.dtype !== 'float32') {
    throw invalidFile(name, `expected a float32 input, got ${input.dtype}`)
  }
  const inputShape =
    input.shape?.length === 2
      ? flattenedImageShape(input.shape, given, name)
      : imageShape(input, manifest, given, name)
  const [c, h, w] = inputShape
  const [batch] = input.shape ?? []
  const images =
    input.shape?.length === 2 ? [c * h * w] : manifest.layout === 'NHWC' ? [h, w, c] : [c, h, w]
  return {
    input: input.name,
    inputShape,
    fileShape: ['n', ...images],
    ...(typeof batch === 'number' && { fixedBatch: batch }),
  }
}

/** An error in the model file or in the way it is read. */
export function invalidFile(name: string, message: string): GraphError {
  return new GraphError('ROBENCH_MODEL_FILE', `${name}: ${message}`)
}

function flattenedImageShape(
  shape: readonly (Dim | null)[],
  given: ImageShape | undefined,
  name: string,
): ImageShape {
  const shown = formatShape(shape.map((dim) => dim ?? '?'))
  if (!given) {
    throw invalidFile(name, `the input is flattened images ${shown}; specify the images' shape`)
  }
  if (typeof shape[1] === 'number' && sizeOf(given) !== shape[1]) {
    throw invalidFile(
      name,
      `the input is ${shown}, which does not match flattened images of ${formatShape(given)}`,
    )
  }
  return [...given]
}

function imageShape(
  input: OnnxValueInfo,
  manifest: ModelManifest,
  given: ImageShape | undefined,
  name: string,
): ImageShape {
  const shown = formatShape(input.shape?.map((dim) => dim ?? '?') ?? [])
  if (input.shape?.length !== 4) {
    throw invalidFile(name, `expected an input of 4 axes (${manifest.layout}), got ${shown}`)
  }
  const [, a, b, c] = input.shape
  const own = manifest.layout === 'NHWC' ? [c, a, b] : [a, b, c]
  const shape = own.map((dim, i) => (typeof dim === 'number' ? dim : given?.[i]))
  if (shape.some((dim) => dim === undefined)) {
    throw invalidFile(name, `the input ${shown} has open sizes; specify the images' shape`)
  }
  if (given && given.some((dim, i) => dim !== shape[i])) {
    const isOtherLayout = given[0] === own[2] || given[0] === own[1]
    const hint = isOtherLayout ? '; check the layout (--layout NCHW or NHWC)' : ''
    throw invalidFile(
      name,
      `the model expects images of ${formatShape(shape as number[])} (channels, height, width), ` +
        `but the data has ${formatShape(given)}${hint}`,
    )
  }
  return shape as [number, number, number]
}
