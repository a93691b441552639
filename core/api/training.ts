/** `robench/training`: layers, parameters, and the training loop. */
export { heNormal } from '../training/initializers.ts'
export {
  batchNormalization,
  convolution,
  flatten,
  globalAverage,
  linear,
} from '../training/layers.ts'
export type { NetworkDefinition } from '../training/network.ts'
export { scheduleNames } from '../training/schedule.ts'
export type { ScheduleName } from '../training/schedule.ts'
export { LayerScope } from '../training/scope.ts'
export type { Parameter } from '../training/scope.ts'
export { train } from '../training/train.ts'
export type { TrainingOutcome } from '../training/train.ts'
export type { Weights } from '../training/training-graph.ts'
export { trainingDefaults } from '../training/training-options.ts'
export type { Adversary, TrainingOptions, TrainingProgress } from '../training/training-options.ts'
export type { EpochRecord } from '../training/training-state.ts'
