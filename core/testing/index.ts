/** `robench/testing`, for plugin authors: the conformance battery and the exact oracle. */
export type { ChosenAttack } from '../plugin/wrapped-attack.ts'
export { attackConformance } from './attack-conformance.ts'
export type {
  AttackConformance,
  ConformanceCheck,
  ConformanceCheckId,
} from './attack-conformance.ts'
export { compiledLinearModel } from './compiled-linear-model.ts'
export { LinearModel, randomLinearClassifier } from './linear-model.ts'
export type { LinearClassifier } from './linear-model.ts'
export { worstCaseMargin } from './linear-oracle.ts'
export { datasetConformance } from './dataset-conformance.ts'
export type { DatasetConformance } from './dataset-conformance.ts'
export { defenseConformance } from './defense-conformance.ts'
export type { DefenseConformance } from './defense-conformance.ts'
export { networkConformance } from './network-conformance.ts'
export type { NetworkConformance } from './network-conformance.ts'
export type { PluginCheck } from './plugin-checks.ts'
export type { CostRequest, PluginOfKind, PluginRegistry } from '../plugin/registry.ts'
