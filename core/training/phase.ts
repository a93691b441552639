/** Phases: what a training does with each batch. */
import type { FloatTensor, Tensor } from '../engine/tensor/tensor.ts'
import type { Value } from '../engine/graph/value.ts'
import type { RandomStream } from '../base/random.ts'
import type { InnerAttack, InnerAttackResult, InnerAttackRun } from './inner-attack.ts'
import type { InputShape } from './input-shape.ts'
import type { ModelFunction } from './model-function.ts'
import type { Module, ModuleScope } from './module.ts'
import type { Optimizer } from './optimizer.ts'
import type { Schedule } from './schedule.ts'

/** The running average of a group's weights that becomes the model. */
export type Averaging =
  /** Exponential: decay per step, at step t at most (1 + t)/(10 + t). */
  | { readonly kind: 'ema'; readonly decay: number }
  /**
   * The mean of the weights after each epoch from that fraction of training on, running statistics
   * included (Izmailov et al. 2018, arXiv:1803.05407).
   */
  | { readonly kind: 'swa'; readonly from: number }

/** Modules whose parameters are updated together. */
export interface ParameterGroup {
  readonly name: string
  readonly modules: readonly Module[]
  readonly optimizer: Optimizer
  /** Peak learning rate. */
  readonly rate: number
  /** Default `constant`. */
  readonly schedule?: Schedule
  /** First fraction of training over which the rate also rises from 0; default 0. */
  readonly warmup?: number
  /** Largest L2 norm of the group's gradient; default: no limit. */
  readonly clipNorm?: number
  /** Default: none; the last weights become the model. */
  readonly averaging?: Averaging
}

/** What a step optimizes and reports. */
export interface StepLoss {
  /** A scalar. */
  readonly loss: Value
  /** `[n, k]`, for the reported accuracy. */
  readonly logits?: Value
  /** Values through which no gradient flows: teachers, targets. */
  readonly detached?: readonly Value[]
  /** Scalars that are averaged over the epoch. */
  readonly metrics?: Readonly<Record<string, Value>>
}

/** Adversarial weight perturbation (Wu et al. 2020, arXiv:2004.05884). */
export interface WeightPerturbation {
  /** γ: size of the perturbation of a kernel or matrix, relative to its L2 norm. */
  readonly gamma: number
  /** First fraction of training without perturbation; default 0. */
  readonly from?: number
}

/** One update of parameter groups. It sees the parameters that earlier steps have updated. */
export interface OptimizationStep<Names extends string = string> {
  readonly updates: readonly ParameterGroup[]
  /** Default `descend`. */
  readonly direction?: 'descend' | 'ascend'
  readonly weightPerturbation?: WeightPerturbation
  /** @param inputs tensors of `Phase.prepare`, and `labels` `[n]` int64 */
  loss(m: ModuleScope, inputs: Readonly<Record<Names | 'labels', Value>>): StepLoss
}

/** Adversarial examples that replace an input of a phase. */
export interface PhaseAttack<Names extends string = string> {
  readonly definition: InnerAttack
  /** The input that `prepare` returns as clean images and the steps receive attacked. */
  readonly input: Names
  /** The random start and the factor of the radius. */
  settings(batch: TrainingBatch): Pick<InnerAttackRun, 'random' | 'scale'>
}

/** Work of the host on a batch, then optimization steps in one graph. */
export interface Phase<Names extends string = string> {
  readonly name: string
  /** Inputs of the steps beside `labels`. */
  readonly inputs: Readonly<Record<Names, InputShape>>
  /** Computes the inputs. */
  prepare(
    batch: TrainingBatch,
  ): Readonly<Record<Names, Tensor>> | Promise<Readonly<Record<Names, Tensor>>>
  /**
   * Attacks an input between `prepare` and the steps. The same as `TrainingBatch.attack` within
   * `prepare`, but on GPUs it is part of the graph of the steps, with several batches in one run.
   */
  readonly attack?: PhaseAttack<Names>
  readonly steps: readonly OptimizationStep<Names>[]
}

/** A phase whose input names are inferred. */
export function definePhase<Names extends string>(phase: Phase<Names>): Phase {
  return phase
}

/** A batch, and what a phase can do with it before its steps. */
export interface TrainingBatch {
  /** From 0. */
  readonly epoch: number
  /** Fraction of training before this batch, in [0, 1). */
  readonly progress: number
  /** Rows of the data set. */
  readonly rows: readonly number[]
  readonly labels: Int32Array
  /** Images `[n, c, h, w]` without augmentation: a copy that the phase may change. */
  images(): FloatTensor
  /** A stream that the seed, the epoch, the batch (or its example) and the name determine. */
  random(name: string, example?: number): RandomStream
  /** Evaluates a function with the current weights. */
  call<In extends string, Out extends string>(
    fn: ModelFunction<In, Out>,
    feeds: Readonly<Record<In, Tensor>>,
  ): Promise<Readonly<Record<Out, Tensor>>>
  /** Adversarial examples of the current weights. */
  attack<Names extends string>(
    attack: InnerAttack<Names>,
    run: InnerAttackRun<Names>,
  ): Promise<InnerAttackResult>
}
