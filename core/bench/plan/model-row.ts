/** The rows of the result table with their models, shared by plan, forecast, and execution. */
import type { ModelManifest } from '../../model/manifest.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import type { ResolvedDefense } from './resolve.ts'

/** The file of an evaluated model. */
export interface ModelIdentity {
  readonly sha256: string
  readonly bytes: number
  readonly parameters: number
  /** Hash of the file and of how it is read, as chunks name it; absent in older results. */
  readonly hash?: string
}

/** A model file by content, as a job names it. */
export interface ModelReference {
  /** sha256 of the file. */
  readonly sha256: string
  /** Name in messages, without a path of this machine: a file beside the suite, or the defense. */
  readonly label: string
  readonly manifest: ModelManifest
}

/** Milliseconds per example on one worker. */
export interface PassTimes {
  readonly forwardMs: number
  readonly backwardMs: number
}

/** What a few steps of PGD on a small sample say about the work of attacks. */
export interface Survey {
  /** Examples of the sample, 1 or more. */
  readonly examples: number
  /** Those classified correctly. */
  readonly correct: number
  /** Those that also stay robust; half of the correct ones if `assumed`. */
  readonly robust: number
  /** Mean number of steps until a broken example breaks. */
  readonly steps: number
  /** Elapsed time as a multiple of that of the timed passes, 1 or more. */
  readonly pace: number
  /** True if nothing was attacked: for a slow model, or a threat model without a plain ball. */
  readonly assumed?: true
}

/** A model that was loaded once, fits the suite's data, and was timed. */
export interface ExaminedModel {
  readonly reference: ModelReference
  /** The file on this machine. */
  readonly path: string
  /** Hash of the file and of how it is read: the model's identity in cells. */
  readonly hash: string
  readonly identity: ModelIdentity
  readonly training?: Readonly<Record<string, unknown>>
  /** Whether it draws random numbers. */
  readonly stochastic: boolean
  /** Estimate of the bytes that the weights take while sessions are compiled. */
  readonly weightBytes: number
  /** Bytes of all activations of one example; 0 if unknown. */
  readonly activationBytes: number
  /** Bytes of one example. */
  readonly inputBytes: number
  /** The most examples in one run of a session. */
  readonly rowsPerPart: number
  /** What the user should know about how the file was read, in sentences. */
  readonly remarks: readonly string[]
  readonly classes: number
  readonly times: PassTimes
  /** Time to load the model and to build its sessions, in ms, which each worker takes. */
  readonly startMs: number
  /** By index of the threat model in the suite; none where no work is open. */
  readonly surveys: readonly (Survey | undefined)[]
}

/** A defense under a threat model: one row of the result table. */
export interface ModelRow {
  readonly defense: ResolvedDefense
  readonly threatModel: ThreatModel
  /** Absent until the model is trained. */
  readonly model?: ExaminedModel
  /** Directory of the trained model in the cache; absent for a model that is not trained. */
  readonly cacheKey?: string
}
