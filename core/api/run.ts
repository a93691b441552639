/** Types for executors that run the jobs of a suite, and of plans and results: `robench/run`. */
export type { ErrorRecord } from '../base/errors.ts'
export type { Verdict } from '../bench/checks/check.ts'
export type {
  Executor,
  JobEvents,
  JobLimits,
  LocalContent,
  OpenExecutor,
} from '../bench/execute/executor.ts'
export type {
  Job,
  JobOutcome,
  JobSetting,
  JobValues,
  PreparedModel,
  PrepareJob,
  PropertyJob,
  UnitJob,
  WorkerMessage,
} from '../bench/execute/job.ts'
export type { ExpectedWork, ForecastBasis } from '../bench/forecast/expected-passes.ts'
export type { CellSummary, PlanSummary } from '../bench/forecast/plan-summary.ts'
export type { SurveyedWork, SurveyFigures } from '../bench/forecast/survey-work.ts'
export type { RunningCell, RunStatus } from '../bench/forecast/run-progress.ts'
export type { RobustnessCurve } from '../bench/metrics/curve.ts'
export type { Interval } from '../bench/metrics/interval.ts'
export type { ModelIdentity, ModelReference } from '../bench/plan/model-row.ts'
export type {
  AttackCell,
  Cell,
  CheckCell,
  CleanCell,
  DefenseInCell,
  PluginIdentity,
  Shard,
  Unit,
} from '../bench/plan/cell.ts'
export type {
  AttackIdentity,
  AttackResult,
  CompletedAttack,
  DefenseFailure,
  DefenseIdentity,
  FailedAttack,
  ResultEntry,
  StageResult,
} from '../bench/result/result.ts'
export type { UnitOutcome } from '../bench/store/unit-outcome.ts'
export type { SuiteOverrides } from '../bench/suite/load.ts'
export type { DatasetReference } from '../data/dataset.ts'
export type { StageOutcomes } from '../plugin/attack-stages.ts'
export type { PluginLocation } from '../plugin/load.ts'
export type { DrawAccuracies, DrawAccuracy } from '../bench/metrics/draws.ts'
export type { DrawCounts } from '../plugin/host.ts'
export type { SoftwareIdentity } from '../bench/plan/cell.ts'
export type { RunEvidence } from '../bench/result/result.ts'
export type { DatasetSettings } from '../data/dataset.ts'
export type { PackageIdentity } from '../plugin/package-identity.ts'
export type { UnitsEvidence } from '../bench/store/store.ts'
