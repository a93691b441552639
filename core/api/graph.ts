/**
 * Expressions of ONNX operators, gradients, sessions, tensors, and models as expressions:
 * `robench/graph`.
 */
export type { Builder, ConvolutionOptions } from '../engine/graph/builder.ts'
export type { Dim } from '../engine/graph/dim.ts'
export { gradient } from '../engine/graph/gradient.ts'
export type { GradientOptions } from '../engine/graph/gradient.ts'
export { g } from '../engine/graph/graph.ts'
export { foldBatchNormalization, substitute } from '../engine/graph/rewrite.ts'
export { toOnnx } from '../engine/graph/serialize.ts'
export { toStochasticOnnx } from '../engine/graph/stochastic-file.ts'
export type { Distribution } from '../engine/graph/random-operators.ts'
export type { RandomInput } from '../engine/graph/stochastic-file.ts'
export { Session } from '../engine/graph/session.ts'
export type { SessionOptions } from '../engine/graph/session.ts'
export type { Attributes, AttributeValue, Node, Value } from '../engine/graph/value.ts'
export { float32, gatherRows, int64, sizeOf, sliceRows, tensor } from '../engine/tensor/tensor.ts'
export type { DType, DTypeArrays, FloatTensor, Tensor } from '../engine/tensor/tensor.ts'
export type { ClassifierModel } from '../model/classifier.ts'
export { gradientFile } from './program/gradient-file.ts'
export type { GradientFileOptions } from './program/gradient-file.ts'
export { inspectModel } from './program/inspect-model.ts'
export type {
  HeadOutput,
  ModelInspection,
  ModelReading,
  OperatorCount,
  OperatorDerivative,
} from './program/inspect-model.ts'
export { delegateModel } from '../model/delegate.ts'
export { estimateGradientMap } from '../model/gradient-map.ts'
export type { GradientMapOptions } from '../model/gradient-map.ts'
export { loadModel } from '../model/load.ts'
export type { LoadModelOptions } from '../model/load.ts'
export { crossEntropy, dlr, dlrTargeted, margin, targetedMargin } from '../model/losses.ts'
export { readModelFile } from '../model/model-files.ts'
export type { ModelFile } from '../model/model-files.ts'
export { predictions } from '../model/predictions.ts'
export { windowQueries } from '../model/window-queries.ts'
export type { PixelWindow, WindowQueries, WindowSearch } from '../model/window-queries.ts'
export type { Body } from '../engine/graph/value.ts'
export type { OnnxAttribute, OnnxNode, OnnxSubgraph, OnnxValueInfo } from '../engine/onnx/graph.ts'
export type { FileDescription, ImageShape } from '../model/file-description.ts'
export type { InputNormalization } from '../model/input-normalization.ts'
export type { GradientExpression } from '../model/gradient-expression.ts'
export { prepareLeap } from '../attack/device-steps.ts'
export type {
  DeviceAttack,
  Leap,
  StepFeeds,
  StepOutcome,
  StepResults,
} from '../attack/device-steps.ts'
export { stepExpressions } from '../attack/step-expressions.ts'
export type { L2Ball } from '../attack/step-expressions.ts'
export { stepsOnDevice } from '../model/step-programs.ts'
export type {
  OpenSteps,
  StepDefinition,
  StepExpression,
  StepPass,
  StepPrecision,
  StepProgram,
  Stepping,
} from '../model/step-programs.ts'
