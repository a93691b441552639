/** The public API: what plugins and programs may import from robench. */
export type { FromSchema, JSONSchema } from 'json-schema-to-ts'
export { attackLosses, targetedAttackLosses } from './attack/attack-loss.ts'
export type {
  AttackLoss,
  AttackLossName,
  TargetedAttackLoss,
  TargetedAttackLossName,
} from './attack/attack-loss.ts'
export {
  autoProjectedGradient,
  autoProjectedGradientCost,
} from './attack/auto-projected-gradient.ts'
export type { AutoProjectedGradientOptions } from './attack/auto-projected-gradient.ts'
export { budgetOptions } from './attack/budget-options.ts'
export { runStages, stagesCost } from './attack/ensemble.ts'
export type { EnsembleFindings, Stage } from './attack/ensemble.ts'
export { fastAdaptiveBoundary, fastAdaptiveBoundaryCost } from './attack/fast-adaptive-boundary.ts'
export type { FastAdaptiveBoundaryOptions } from './attack/fast-adaptive-boundary.ts'
export { gradientOptions } from './attack/gradient-options.ts'
export { projectedGradient, projectedGradientCost } from './attack/projected-gradient.ts'
export type { ProjectedGradientOptions } from './attack/projected-gradient.ts'
export { rankTargets } from './attack/ranked-targets.ts'
export type { RankedTargets } from './attack/ranked-targets.ts'
export { drawStart } from './attack/random-start.ts'
export { refill } from './attack/refill.ts'
export type { RefilledWork } from './attack/refill.ts'
export { squareSearch, squareSearchCost } from './attack/square-search.ts'
export type { SquareFindings, SquareSearchOptions } from './attack/square-search.ts'
export { keepStrongest } from './attack/strongest.ts'
export type { AttackFindings, Strongest } from './attack/strongest.ts'
export { steepestStep } from './attack/steepest-step.ts'
export type { SteepestStep } from './attack/steepest-step.ts'
export { chooseTargets } from './attack/targets.ts'
export type { Target, TargetOf } from './attack/targets.ts'
export type { AttackTask, ExampleStreams } from './attack/task.ts'
export { ConfigError, GraphError, PluginError, RobenchError, RunError } from './errors.ts'
export type { ErrorCode } from './errors.ts'
export { g } from './graph/graph.ts'
export { gradient } from './graph/gradient.ts'
export { Session } from './graph/session.ts'
export type { SessionOptions } from './graph/session.ts'
export { toOnnx } from './graph/serialize.ts'
export type { Value } from './graph/value.ts'
export { crossEntropy, dlr, dlrTargeted, margin, targetedMargin } from './model/losses.ts'
export { loadModel } from './model/load.ts'
export { plainManifest } from './model/manifest.ts'
export type { ModelManifest } from './model/manifest.ts'
export { batchNormalization, convolution, flatten, globalAverage, linear } from './nn/layers.ts'
export { LayerScope } from './nn/scope.ts'
export type { NetworkDefinition } from './nn/network.ts'
export { scheduleNames } from './nn/schedule.ts'
export type { ScheduleName } from './nn/schedule.ts'
export { train } from './nn/train.ts'
export type { EpochRecord, TrainingOptions, TrainingOutcome } from './nn/train.ts'
export type { Adversary } from './nn/inner-attack.ts'
export type { Loss, Model, TargetedLoss } from './model/model.ts'
export { predictedClass, predictions } from './model/predictions.ts'
export { apiVersion } from './plugin/contract.ts'
export type {
  AttackContext,
  AttackMeta,
  AttackPlugin,
  DefenseAnswer,
  DefenseContext,
  PluginTable,
  StagedAnswer,
} from './plugin/contract.ts'
export { defineAttack, defineDefense, defineNetwork } from './plugin/define.ts'
export type { OptionsOf } from './plugin/define.ts'
export { runAttack } from './plugin/host.ts'
export type { AttackAnswer, AttackRequest } from './plugin/host.ts'
export { RandomStream, randomStream } from './random.ts'
export { float32, gatherRows, sizeOf, sliceRows, tensor } from './tensor/tensor.ts'
export type { FloatTensor, Tensor } from './tensor/tensor.ts'
export { createBall } from './threat/ball.ts'
export type { Ball } from './threat/ball.ts'
export { epsilonSchema, parseEpsilon } from './threat/epsilon.ts'
export { norms } from './threat/threat-model.ts'
export type { Norm, ThreatModel } from './threat/threat-model.ts'
export { describeViolation, distance, verifyInside } from './threat/verify.ts'
export type { Violation } from './threat/verify.ts'
