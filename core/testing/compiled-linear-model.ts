/** A linear classifier as an ONNX file in the engine, for attacks that `compile`. */
import { g } from '../engine/graph/graph.ts'
import { toOnnx } from '../engine/graph/serialize.ts'
import { loadModel } from '../model/load.ts'
import { plainManifest } from '../model/manifest.ts'
import type { Model } from '../model/model.ts'
import type { LinearClassifier } from './linear-model.ts'

/** The classifier, written as an ONNX file and loaded; dispose of it after use. */
export async function compiledLinearModel(classifier: LinearClassifier): Promise<Model> {
  const { inputShape, classes, weights, bias } = classifier
  const images = g.input('images', 'float32', ['n', ...inputShape])
  const logits = g.gemm(
    g.op('Flatten', [images])[0]!,
    g.floats([classes, weights.length / classes], [...weights]),
    g.floats([classes], [...bias]),
    { transB: 1 },
  )
  return loadModel(toOnnx({ logits }, [images]), plainManifest, { name: 'linear' })
}
