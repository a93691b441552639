/** `robench/plugin`: constructors of plugins, contract types, errors, option schemas. */
export { forEachTarget, towardTargets } from '../attack/toward-targets.ts'
export { ConfigError, GraphError, PluginError, RobenchError, RunError } from '../base/errors.ts'
export type { ErrorCode } from '../base/errors.ts'
export { optionLimits } from '../base/option-limits.ts'
export { randomStream } from '../base/random.ts'
export type { RandomStream } from '../base/random.ts'
export { readOnnxFile } from '../engine/onnx/external-data.ts'
export { componentsSchema, plainManifest } from '../model/manifest.ts'
export type { ManifestComponent, ModelManifest } from '../model/manifest.ts'
export type {
  ComponentTreatment,
  GradientResult,
  Loss,
  Model,
  ModelComponent,
  ModelVariant,
  PassCounts,
  Program,
  ProgramDefinition,
  ProgramScope,
  TargetedLoss,
} from '../model/model.ts'
export type {
  AttackContext,
  AttackMeta,
  AttackPlugin,
  AttackResult,
  DefenseContext,
  DefenseMeta,
  DefensePlugin,
  DefenseResult,
  Goal,
  Knowledge,
  NetworkContext,
  NetworkPlugin,
  OptionRole,
  OptionsSchema,
  PassEstimate,
  Plugin,
  PluginKind,
  PluginMeta,
  PluginOptions,
  PluginSource,
  PluginTable,
  Provenance,
  StagedResult,
  TrainingProgress,
  TransformedResult,
  WrappedAttack,
} from '../plugin/contract.ts'
export { defineAttack, defineDefense, defineNetwork } from '../plugin/define.ts'
export type { OptionsOf } from '../plugin/define.ts'
export { innerAttack, wrappedAttackSchema } from '../plugin/wrapped-attack-schema.ts'
export { epsilonSchema, parseEpsilon } from '../threat/epsilon.ts'
export type { ReferenceExamples } from '../threat/reference-examples.ts'
export { forNorm } from '../threat/norm-table.ts'
export { norms } from '../threat/threat-model.ts'
export type { Norm, ThreatModel } from '../threat/threat-model.ts'
export type { AmplitudeEvidence, AmplitudeTransform } from '../threat/transforms/amplitude.ts'
export type { AttributeEvidence, AttributeRanges } from '../threat/transforms/attribute.ts'
export type { Transform, TransformEvidence, TransformKind } from '../threat/transforms/table.ts'
export type { FromSchema, JSONSchema } from 'json-schema-to-ts'
export type { ThreatTarget } from '../threat/target.ts'
