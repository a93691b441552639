/**
 * Expressions of ONNX operators, gradients, sessions, tensors, and models as expressions:
 * `robench/graph`.
 */
export { gradient } from '../engine/graph/gradient.ts'
export { g } from '../engine/graph/graph.ts'
export { foldBatchNormalization, substitute } from '../engine/graph/rewrite.ts'
export { toOnnx } from '../engine/graph/serialize.ts'
export { toStochasticOnnx } from '../engine/graph/stochastic-file.ts'
export type { RandomInput } from '../engine/graph/stochastic-file.ts'
export { Session } from '../engine/graph/session.ts'
export type { SessionOptions } from '../engine/graph/session.ts'
export type { Value } from '../engine/graph/value.ts'
export { float32, gatherRows, int64, sizeOf, sliceRows, tensor } from '../engine/tensor/tensor.ts'
export type { FloatTensor, Tensor } from '../engine/tensor/tensor.ts'
export { delegateModel } from '../model/delegate.ts'
export { estimateGradientMap } from '../model/gradient-map.ts'
export { loadModel } from '../model/load.ts'
export { crossEntropy, dlr, dlrTargeted, margin, targetedMargin } from '../model/losses.ts'
export { readModelFile } from '../model/model-files.ts'
export { predictions } from '../model/predictions.ts'
export { windowQueries } from '../model/window-queries.ts'
export type { PixelWindow, WindowSearch } from '../model/window-queries.ts'
