/** Options of training, their defaults, and what training reports. */
import type { Dataset } from '../data/dataset.ts'
import { ConfigError } from '../base/errors.ts'
import type { ThreatModel } from '../threat/threat-model.ts'
import type { Augmentation } from './augment.ts'
import type { NetworkDefinition } from './network.ts'
import type { ScheduleName } from './schedule.ts'

/** Projected gradient descent with a uniform random start (Madry et al. 2018, arXiv:1706.06083). */
export interface Adversary {
  /** In Linf or L2. */
  readonly threatModel: ThreatModel
  /** Default 7. */
  readonly steps?: number
  /** In the units of the inputs; default ε/4. */
  readonly stepSize?: number
  /**
   * First fraction of training over which ε and the step size grow linearly from 0; default 0.
   * Training at the full ε from the start can stay at chance accuracy.
   */
  readonly ramp?: number
}

/** The state of training after one step. */
export interface TrainingProgress {
  /** Finished epochs: 0 during the first. */
  readonly epoch: number
  readonly epochs: number
  /** Finished steps of this epoch, of `steps`. */
  readonly step: number
  readonly steps: number
  /** Means over this epoch so far; accuracy as a fraction. */
  readonly loss: number
  readonly accuracy: number
}

/** The options of a training. Only `network`, `data` and `epochs` are required. */
export interface TrainingOptions {
  readonly network: NetworkDefinition
  /** The training split. */
  readonly data: Dataset
  readonly epochs: number
  /** At most the number of training examples; default 128. */
  readonly batchSize?: number
  /** Peak learning rate; default 0.1. */
  readonly learningRate?: number
  /** Default 0.9. */
  readonly momentum?: number
  /** Default 0.0005. */
  readonly weightDecay?: number
  /** Default true. */
  readonly nesterov?: boolean
  /** Default `one-cycle`. */
  readonly schedule?: ScheduleName
  /** First fraction of training over which the learning rate rises from 0; default 0. */
  readonly warmup?: number
  /** Default: a crop from 4 pixels of padding, and flips. */
  readonly augmentation?: Augmentation
  /**
   * Number of examples held out of `data` to measure accuracy after each epoch; default 500,
   * or a tenth of the data if that is less.
   */
  readonly validation?: number
  /**
   * Decay per step of the running average of the weights, which becomes the model; 0 exports the
   * last weights. Default 0.995.
   */
  readonly averaging?: number
  /** Trains on adversarial examples of this attack (Madry et al. 2018); default: on clean inputs */
  readonly adversary?: Adversary
  /** Default 0. */
  readonly seed?: number
  /** Threads of onnxruntime; default 1. */
  readonly threads?: number
  /** An execution provider of onnxruntime, such as `cuda:1`; default `cpu`. */
  readonly device?: string
  /** Aborts training at the next step. */
  readonly signal?: AbortSignal
  /** Where to save a checkpoint after each epoch; default: no checkpoints. */
  readonly checkpointFolder?: string
  /**
   * Identifies the training beside data and seed: a checkpoint with another identity is ignored.
   * Default: a text made of all options that influence the weights.
   */
  readonly identity?: string
  /** Called after each step. */
  progress?(state: TrainingProgress): void
}

/** Defaults of the options that do not depend on others: a recipe for CIFAR-sized images. */
export const trainingDefaults = {
  batchSize: 128,
  learningRate: 0.1,
  momentum: 0.9,
  weightDecay: 0.0005,
  nesterov: true,
  schedule: 'one-cycle',
  warmup: 0,
  augmentation: { crop: 4, flip: true },
  averaging: 0.995,
  seed: 0,
  threads: 1,
  device: 'cpu',
} as const satisfies Partial<TrainingOptions>

/** Training options with defaults filled in. */
export interface ResolvedTraining extends Required<
  Omit<TrainingOptions, 'adversary' | 'signal' | 'checkpointFolder' | 'progress'>
> {
  readonly adversary: Required<Adversary> | undefined
  readonly signal: AbortSignal | undefined
  readonly checkpointFolder: string | undefined
  readonly progress: (state: TrainingProgress) => void
}

/** Fills in the defaults. @throws ConfigError ROBENCH_CONFIG for an adversary in L1 or L0. */
export function resolveTraining(options: TrainingOptions): ResolvedTraining {
  const { data, signal, checkpointFolder } = options
  const validation = options.validation ?? Math.min(500, Math.floor(data.count / 10))
  const adversary = options.adversary && resolveAdversary(options.adversary)
  const resolved = { ...trainingDefaults, ...definedOnly(options), validation, adversary }
  return {
    ...resolved,
    identity: options.identity ?? describeTraining(resolved),
    signal,
    checkpointFolder,
    progress: (state) => options.progress?.(state),
  }
}

/** The options that are given: a property set to undefined counts as left out. */
function definedOnly(options: TrainingOptions): TrainingOptions {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as unknown as TrainingOptions
}

function resolveAdversary(adversary: Adversary): Required<Adversary> {
  const { threatModel, steps = 7, stepSize = threatModel.epsilon / 4, ramp = 0 } = adversary
  if (threatModel.norm !== 'Linf' && threatModel.norm !== 'L2') {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `adversary: expected a threat model in Linf or L2, got ${threatModel.norm}`,
    )
  }
  return { threatModel, steps, stepSize, ramp }
}

type Described = Omit<ResolvedTraining, 'identity' | 'signal' | 'checkpointFolder' | 'progress'>

function describeTraining(options: Described): string {
  const { network, epochs, batchSize, learningRate, momentum, weightDecay, nesterov } = options
  const { schedule, warmup, augmentation, validation, averaging, adversary } = options
  return JSON.stringify([
    network.title,
    { epochs, batchSize, learningRate, momentum, weightDecay, nesterov },
    { schedule, warmup, augmentation, validation, averaging, adversary },
  ])
}
