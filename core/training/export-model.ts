/** The ONNX file of a trained model. */
import { g } from '../engine/graph/graph.ts'
import { foldBatchNormalization, substitute } from '../engine/graph/rewrite.ts'
import { parameterPrefix, toOnnx } from '../engine/graph/serialize.ts'
import type { Value } from '../engine/graph/value.ts'
import { ModuleScope } from './module.ts'
import type { ParameterStore, Weights } from './scope.ts'

/** The exported model of a training. */
export interface ExportedModel {
  /** `[n, k]`. */
  readonly logits: Value
  /** Names for intermediate values, such as the ends of components. */
  readonly tensors?: Readonly<Record<string, Value>>
}

/** Logits alone, or with named intermediate values. */
export function exportedModel(model: Value | ExportedModel): ExportedModel {
  return 'logits' in model ? model : { logits: model }
}

/**
 * Writes a model as an ONNX file: `inputs` `[n, c, h, w]` to `logits` `[n, k]`, with batch
 * normalization folded.
 * @param weights by placeholder name (`parameter/…`); others keep their initial values
 */
export function exportModel(
  model: (m: ModuleScope, images: Value) => Value | ExportedModel,
  imageShape: readonly number[],
  store: ParameterStore,
  weights: Weights = new Map(),
): Uint8Array {
  const images = g.input('inputs', 'float32', ['n', ...imageShape])
  const { logits, tensors = {} } = exportedModel(model(new ModuleScope(store), images))
  const constants = new Map(
    store.parameters.map(({ value, initial }) => {
      const { name } = value.node
      return [value, g.constant(weights.get(name) ?? initial, name.slice(parameterPrefix.length))]
    }),
  )
  const fixed = substitute([logits, ...Object.values(tensors)], constants)
  const [folded, ...ends] = foldBatchNormalization(fixed)
  const names = Object.keys(tensors)
  const named = Object.fromEntries(names.map((name, i) => [name, ends[i]!]))
  return toOnnx({ logits: folded! }, [images], named)
}
