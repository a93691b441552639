/** The classifier that a certificate is about: a whole file, or the part of a smoothed one. */
import { ConfigError } from '../../base/errors.ts'
import { pruneGraph } from '../../engine/graph/fold-constants.ts'
import { readOnnx, writeOnnx } from '../../engine/onnx/file.ts'
import type { ModelManifest } from '../../model/manifest.ts'
import type { ModelFile } from '../../model/model-files.ts'

/** A deterministic classifier, and the noise that its file was made for. */
export interface BaseClassifier {
  readonly bytes: Uint8Array
  readonly manifest: ModelManifest
  /** σ of the model card; undefined if the card names none. */
  readonly sigma: number | undefined
}

/**
 * Finds the classifier of a file. The card of a smoothed model has `training.smoothing`, with
 * `sigma` and `component`: the name of the component from noisy images `[n, c, h, w]` to the logits
 * of the base classifier, which is cut out. Any other file is the classifier itself.
 * @param imageShape `[c, h, w]`
 * @throws ConfigError ROBENCH_MODEL_FILE if the card names a component that does not exist
 */
export function baseClassifier(
  { bytes, card, path }: ModelFile,
  imageShape: readonly [number, number, number],
): BaseClassifier {
  const smoothing = smoothingOf(card.training)
  if (!smoothing) return { bytes, manifest: card.manifest, sigma: undefined }
  const { sigma, component } = smoothing
  const part = card.manifest.components?.find(({ name }) => name === component)
  if (!part) {
    throw new ConfigError(
      'ROBENCH_MODEL_FILE',
      `${path}: its card says that component "${component}" is the base classifier, but its ` +
        'manifest has no such component; make the model again',
    )
  }
  const graph = readOnnx(bytes, path)
  const image = { name: part.input, dtype: 'float32', shape: ['n', ...imageShape] } as const
  const logits = { name: part.output, dtype: 'float32', shape: null } as const
  const opened = {
    ...graph,
    inputs: [image],
    outputs: [logits],
    nodes: graph.nodes.filter(({ outputs }) => !outputs.includes(part.input)),
    // Hints of the whole file, whose batch is a multiple of that of the images.
    values: [],
  }
  const { bounds, layout, classNames } = card.manifest
  return {
    bytes: writeOnnx(pruneGraph(opened, [part.output])),
    manifest: { bounds, layout, ...(classNames && { classNames }) },
    sigma,
  }
}

interface Smoothing {
  readonly sigma: number
  readonly component: string
}

function smoothingOf(
  training: Readonly<Record<string, unknown>> | undefined,
): Smoothing | undefined {
  const record = training?.['smoothing']
  if (typeof record !== 'object' || record === null) return undefined
  const { sigma, component } = record as Partial<Smoothing>
  if (typeof sigma !== 'number' || typeof component !== 'string') return undefined
  return { sigma, component }
}
