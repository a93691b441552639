/** Expressions of a classifier file: of a batch of any size, or of one fixed batch at a time. */
import { countOf } from '../base/figures.ts'
import { RobenchError } from '../base/errors.ts'
import { formatShape, type Dim } from '../engine/graph/dim.ts'
import { g } from '../engine/graph/graph.ts'
import { importGraph, type ImportedGraph } from '../engine/graph/import.ts'
import { mapBatch } from '../engine/graph/map-batch.ts'
import { foldBatchNormalization, foldScales, substitute } from '../engine/graph/rewrite.ts'
import type { Value } from '../engine/graph/value.ts'
import type { OnnxGraph } from '../engine/onnx/graph.ts'
import type { ClassifierExpression } from './classifier-parts.ts'
import { checkComponents, placeComponents, rewriteComponents } from './components.ts'
import { isUnbatched, type FileDescription } from './file-description.ts'
import { noGradient } from './import-parity.ts'
import type { ModelManifest } from './manifest.ts'

/** Images as a file expects them, in terms of the placeholder of the images. */
export interface PreparedImages {
  /** In the element type of the file. */
  readonly fed: Value
  /** In float32; rounded if the file takes integers. */
  readonly own: Value
}

/** A file to be imported as an expression. */
export interface ImportSource {
  readonly graph: OnnxGraph
  readonly file: FileDescription
  readonly prepared: PreparedImages
  readonly name: string
}

/**
 * Normalizes, rearranges, and casts images `[n, c, h, w]`. Gradients pass the rounding to integers
 * unchanged.
 * @throws RobenchError ROBENCH_CONFIG if the manifest does not match the channels
 */
export function prepareImages(
  images: Value,
  file: Pick<FileDescription, 'inputShape' | 'inputType' | 'fileShape'>,
  manifest: ModelManifest,
): PreparedImages {
  const arranged = arrange(normalize(images, file.inputShape[0], manifest), file, manifest)
  if (file.inputType === 'float32') return { fed: arranged, own: arranged }
  const isFloat = file.inputType.startsWith('float')
  const own = isFloat ? arranged : g.op('StraightThroughRound', [arranged])[0]!
  return { fed: g.cast(own, file.inputType), own }
}

function normalize(images: Value, channels: number, { mean, std }: ModelManifest): Value {
  const perChannel = (values: readonly number[], key: string): Value => {
    if (values.length !== channels) {
      throw new RobenchError(
        'ROBENCH_CONFIG',
        `manifest: ${key} has ${countOf(values.length, 'value')}, expected ${channels} ` +
          '(one per channel)',
      )
    }
    return g.floats([channels, 1, 1], values)
  }
  const centered = mean ? g.sub(images, perChannel(mean, 'mean')) : images
  return std ? g.div(centered, perChannel(std, 'std')) : centered
}

/** In the layout and rank of the file, always with an axis for the batch. */
function arrange(
  x: Value,
  file: Pick<FileDescription, 'fileShape'>,
  { layout }: ModelManifest,
): Value {
  const sizes = isUnbatched(file) ? file.fileShape : file.fileShape.slice(1)
  if (isUnbatched(file) || sizes.length !== 3) {
    if (sizes.length === 1) return g.op('Flatten', [x])[0]!
    return g.reshape(x, [-1, ...sizes.map(Number)])
  }
  return layout === 'NHWC' ? g.transpose(x, [0, 2, 3, 1]) : x
}

/**
 * The logits of a batch of any size. Sizes and constants of a fixed batch follow it.
 * @throws GraphError if that is not possible
 */
export async function importWhole(
  { graph, file, prepared, name }: ImportSource,
  manifest: ModelManifest,
): Promise<ClassifierExpression> {
  if (isUnbatched(file)) throw noGradient(`${name}: the input has no axis for the batch`)
  const imported = await importGraph(graph, {
    name,
    inputType: 'float32',
    inputShapes: { [file.input]: file.fileShape },
    ...(file.fixedBatch !== undefined && { fixedBatch: file.fixedBatch }),
  })
  const original = {
    logits: imported.outputs[file.output]!,
    components: placeComponents(manifest.components ?? [], imported.values, name),
  }
  // The ends of the components are results of each rewrite, so that nothing folds them away.
  const { logits: folded, components } = rewriteComponents(original, (values) =>
    simplify(values, imported, prepared.own),
  )
  const logits = asLogits(folded, 'n', name)
  checkComponents({ logits, components }, name)
  return { logits, components, noise: imported.noise, inlined: imported.inlined }
}

/**
 * The logits of one batch of the file's size after another.
 * @throws GraphError for files with components or random numbers, or that cannot be imported
 */
export async function importByParts(
  { graph, file, prepared, name }: ImportSource,
  manifest: ModelManifest,
): Promise<ClassifierExpression> {
  const batch = file.fixedBatch ?? 1
  const sizes = (isUnbatched(file) ? file.fileShape : file.fileShape.slice(1)).map(Number)
  const imported = await importGraph(graph, {
    name,
    inputType: 'float32',
    inputShapes: { [file.input]: isUnbatched(file) ? sizes : [batch, ...sizes] },
  })
  if (imported.noise.length > 0 || (manifest.components ?? []).length > 0) {
    const what = imported.noise.length > 0 ? 'random numbers' : 'components'
    throw noGradient(
      `${name}: gradients of a file with a fixed batch cannot include ${what}; ` +
        'export it with a dynamic batch',
    )
  }
  const part = g.input('row0', 'float32', [batch, ...sizes])
  const own = isUnbatched(file) ? g.reshape(part, sizes) : part
  const [folded] = simplify([imported.outputs[file.output]!], imported, own)
  const body = { inputs: [part], outputs: [asLogits(folded!, batch, name)] }
  const [logits] = mapBatch([prepared.own], body)
  return { logits: logits!, components: [], noise: [], inlined: imported.inlined }
}

function simplify(values: readonly Value[], { inputs }: ImportedGraph, images: Value): Value[] {
  const placed = substitute(values, new Map([[inputs[0]!, images]]))
  return foldScales(foldBatchNormalization(placed))
}

/** `[batch, classes]`. A single logit z becomes the logits (0, z). */
function asLogits(output: Value, batch: Dim, name: string): Value {
  const columns = asMatrix(output, batch)
  const [rows, classes] = columns.shape
  if (columns.shape.length !== 2 || typeof classes !== 'number' || rows !== batch) {
    throw noGradient(
      `${name}: with a batch of ${batch} the output is ${formatShape(output.shape)}, ` +
        'expected logits [n, classes]; export it with a dynamic batch',
    )
  }
  return classes === 1 ? g.pad(columns, [0, 1, 0, 0]) : columns
}

function asMatrix(output: Value, batch: Dim): Value {
  const { shape } = output
  if (shape.length > 2) return g.op('Flatten', [output])[0]!
  if (shape.length === 2) return output
  // One number per example, or the logits of the only one.
  if (shape.length === 1 && shape[0] === batch) return g.unsqueeze(output, [1])
  return batch === 1 ? g.reshape(output, [1, -1]) : output
}
