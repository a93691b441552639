/** `robench/training`: layers, modules, optimizers, phases, inner attacks, and the loop. */
export type { Dataset, GivenLimits, SampleSettings, Split } from '../data/dataset.ts'
export { boxVariable, imageVariable, noiseVariable } from '../training/attack-variable.ts'
export type {
  AttackStart,
  AttackVariable,
  BoxVariableOptions,
  ImageVariableOptions,
  NoiseVariableOptions,
} from '../training/attack-variable.ts'
export type { VariableStep, VariableStepParts } from '../training/variable-steps.ts'
export { augment, cutout, drawView, mixup } from '../training/augment.ts'
export type { Augmentation, Mixup, View } from '../training/augment.ts'
export { channelStatistics } from '../training/channel-statistics.ts'
export { heNormal, ones, uniformFanIn, xavierNormal, zeros } from '../training/initializers.ts'
export type {
  InnerAttack,
  InnerAttackInputs,
  InnerAttackResult,
  InnerAttackRun,
} from '../training/inner-attack.ts'
export type { InputShape } from '../training/input-shape.ts'
export {
  batchNormalization,
  classConditionalNormalization,
  convolution,
  flatten,
  globalAverage,
  groupNormalization,
  linear,
  oneHot,
  transposedConvolution,
} from '../training/layers.ts'
export type { ConvolutionLayer, TransposedConvolutionLayer } from '../training/layers.ts'
export type { ModelFunction } from '../training/model-function.ts'
export { classifierModule } from '../training/module.ts'
export type { ApplyOptions, Module, ModuleScope } from '../training/module.ts'
export type { NetworkDefinition } from '../training/network.ts'
export {
  batchMean,
  jsDivergence,
  klDivergence,
  martLoss,
  meanAbsoluteError,
  meanSquaredError,
  smoothedCrossEntropy,
  tradesLoss,
} from '../training/objectives.ts'
export { adam, adamW, sgd } from '../training/optimizer.ts'
export type {
  AdamOptions,
  Optimizer,
  OptimizerResult,
  OptimizerUpdate,
  SgdOptions,
} from '../training/optimizer.ts'
export { definePhase } from '../training/phase.ts'
export type {
  Averaging,
  OptimizationStep,
  ParameterGroup,
  Phase,
  PhaseAttack,
  StepLoss,
  TrainingBatch,
  WeightPerturbation,
} from '../training/phase.ts'
export { runTraining, splitRows } from '../training/run-training.ts'
export type { EpochRecord, TrainingOutcome, TrainingRun } from '../training/run-training.ts'
export { scheduleNames } from '../training/schedule.ts'
export type { MilestoneSchedule, Schedule, ScheduleName } from '../training/schedule.ts'
export { LayerScope, ParameterStore } from '../training/scope.ts'
export type {
  Initializer,
  Parameter,
  ParameterOptions,
  ScopeOptions,
  Weights,
} from '../training/scope.ts'
export { train } from '../training/train.ts'
export { exportModel } from '../training/export-model.ts'
export type { ExportedModel } from '../training/export-model.ts'
export type { TrainingRecipe } from '../training/recipe.ts'
export { trainingDefaults } from '../training/training-options.ts'
export type { Adversary, TrainingOptions, TrainingProgress } from '../training/training-options.ts'
export { applyViews, drawViews } from '../training/views.ts'
export type { Views } from '../training/views.ts'
