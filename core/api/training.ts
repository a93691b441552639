/** `robench/training`: layers, parameters, and the training loop. */
export type { Dataset, Split } from '../data/dataset.ts'
export type { Augmentation } from '../training/augment.ts'
export { heNormal } from '../training/initializers.ts'
export {
  batchNormalization,
  convolution,
  flatten,
  globalAverage,
  linear,
} from '../training/layers.ts'
export type { ConvolutionLayer } from '../training/layers.ts'
export type { NetworkDefinition } from '../training/network.ts'
export { scheduleNames } from '../training/schedule.ts'
export type { ScheduleName } from '../training/schedule.ts'
export { LayerScope } from '../training/scope.ts'
export type { Initializer, Parameter, ParameterOptions } from '../training/scope.ts'
export { train } from '../training/train.ts'
export type { TrainingOutcome } from '../training/train.ts'
export type { Weights } from '../training/training-graph.ts'
export { trainingDefaults } from '../training/training-options.ts'
export type { Adversary, TrainingOptions, TrainingProgress } from '../training/training-options.ts'
export type { EpochRecord } from '../training/training-state.ts'
