/**
 * For programs: attack a model, train one, run suites, read results: `robench`.
 */
export { ConfigError, GraphError, PluginError, RobenchError, RunError } from '../base/errors.ts'
export type { ErrorCode } from '../base/errors.ts'
export type { Check } from '../bench/checks/check.ts'
export { planSuite, runSuite } from '../bench/execute/run.ts'
export type { PlannedSuite, PlanOptions } from '../bench/execute/run.ts'
export type { RunListener, RunOptions, SuiteRun } from '../bench/execute/settings.ts'
export { readResult } from '../bench/result/read-result.ts'
export type { RunResult } from '../bench/result/result.ts'
export { loadSuite } from '../bench/suite/load.ts'
export type { LoadedSuite } from '../bench/suite/load.ts'
export { loadModel } from '../model/load.ts'
export type { ModelManifest } from '../model/manifest.ts'
export type { ModelCard } from '../model/model-files.ts'
export type { Model } from '../model/model.ts'
export type { Accuracy, AttackEvaluation } from './program/attack-examples.ts'
export { evaluate } from './program/evaluate.ts'
export type { Evaluation } from './program/evaluate.ts'
export { getAttack } from './program/get-attack.ts'
export type { Attack, AttackRun } from './program/get-attack.ts'
export type {
  AttackChoice,
  EvaluateRequest,
  ExampleArrays,
  ExampleData,
  ModelSource,
  ProgramSettings,
  ThreatModelInput,
} from './program/request.ts'
export { train } from './program/train-model.ts'
export type { TrainedModel, TrainingAdversary, TrainRequest } from './program/train-model.ts'
