/** Writes the gradient of a model as an ONNX file of its own. */
import { GraphError } from '../../base/errors.ts'
import { g } from '../../engine/graph/graph.ts'
import { substitute } from '../../engine/graph/rewrite.ts'
import { readOnnx } from '../../engine/onnx/file.ts'
import { toOnnx } from '../../engine/graph/serialize.ts'
import type { Value } from '../../engine/graph/value.ts'
import { explainRandomness } from '../../model/batch-independence.ts'
import type { ClassifierModel } from '../../model/classifier.ts'
import { loadModel, type LoadModelOptions } from '../../model/load.ts'
import { crossEntropy } from '../../model/losses.ts'
import type { ModelManifest } from '../../model/manifest.ts'
import type { Loss } from '../../model/model.ts'
import { probeGradient } from './probe-gradient.ts'

/** What to differentiate, and how to load the model. */
export interface GradientFileOptions extends LoadModelOptions {
  /** Default: `crossEntropy`. */
  readonly loss?: Loss
}

/**
 * The gradient of a classifier as an ONNX file that any onnxruntime runs: standard operators only,
 * in operator set 18. Its inputs are the model's input, with its name, layout, and a free batch
 * size, and `labels` (int64, `[n]`). Its outputs are `logits` (float32, `[n, k]`), `losses`
 * (float32, `[n]`), and `gradient`, which is ∂(sum of losses)/∂input in the shape of the input. The
 * normalization of the manifest is inside, so the input is in `bounds`.
 * @throws GraphError ROBENCH_NO_GRADIENT without a gradient, ROBENCH_GRAPH for a model that draws
 *   random numbers, ROBENCH_MODEL_FILE for a file that is not a classifier; RobenchError
 *   ROBENCH_MODEL_OUTPUT if its logits or gradients are not finite
 */
export async function gradientFile(
  bytes: Uint8Array,
  manifest: ModelManifest,
  { loss = crossEntropy, ...options }: GradientFileOptions = {},
): Promise<Uint8Array> {
  const model = await loadModel(bytes, manifest, options)
  try {
    const { name = 'model' } = options
    if (model.stochastic) {
      const { cause, cure } = explainRandomness(readOnnx(bytes, name), model.file.output)
      throw new GraphError(
        'ROBENCH_GRAPH',
        `${name}: ${cause}, so a file with its gradient would not repeat its results; ${cure}`,
      )
    }
    await probeGradient(model, loss, name)
    return writeGradient(model, manifest, loss)
  } finally {
    await model.dispose()
  }
}

function writeGradient(model: ClassifierModel, manifest: ModelManifest, loss: Loss): Uint8Array {
  const {
    inputs: [images, labels],
    outputs,
  } = model.gradientExpression(loss)
  const { input, fileShape } = model.file
  const own = g.input(input, 'float32', fileShape)
  const isChannelsLast = manifest.layout === 'NHWC' && fileShape.length === 4
  const replaced = new Map([
    [images, isChannelsLast ? g.transpose(own, [0, 3, 1, 2]) : shapedLike(own, images)],
  ])
  const [logits, losses, derivative] = substitute(Object.values(outputs), replaced)
  const gradient = isChannelsLast
    ? g.transpose(derivative!, [0, 2, 3, 1])
    : shapedLike(derivative!, own)
  return toOnnx({ logits: logits!, losses: losses!, gradient }, [own, labels])
}

function shapedLike(value: Value, like: Value): Value {
  if (value.shape.join() === like.shape.join()) return value
  return g.reshape(value, [-1, ...(like.shape.slice(1) as number[])])
}
