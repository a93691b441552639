/** The request to run one attack on a part of the data. */
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import type { Model } from '../model/model.ts'
import type { ReferenceExamples } from '../threat/reference-examples.ts'
import type { ThreatModel } from '../threat/threat-model.ts'
import type { SetupCache } from './setup-cache.ts'
import type { ChosenAttack } from './wrapped-attack.ts'

/** An attack, the model it attacks, the examples, and the settings of the run. */
export interface AttackRequest extends ChosenAttack {
  readonly model: Model
  /** `[n, c, h, w]` */
  readonly inputs: FloatTensor
  /** `[n]` */
  readonly labels: Int32Array
  /**
   * `[n]`: the model's predictions on the clean inputs. Attacks run on correctly classified
   * examples only; corruptions run on all examples.
   */
  readonly cleanPredictions: Int32Array
  /** `[n]`: positions in the data set, used in random streams and error messages. */
  readonly exampleIndices: ArrayLike<number>
  /** All examples of the data set; default: the examples of this request. */
  readonly reference?: ReferenceExamples
  /** The models of the attack's option `surrogates`. */
  readonly surrogates?: readonly Model[]
  /** Shared by requests that differ only in their examples; default: nothing is cached. */
  readonly setupCache?: SetupCache
  readonly threatModel: ThreatModel
  /** `[n]`: the targets of a threat model with the target `given`. */
  readonly givenTargets?: Int32Array
  /** `[n]`: set by the host for a threat model with a target. */
  readonly targets?: Int32Array
  /** Additional values of epsilon, for a robustness curve. */
  readonly curve?: readonly number[]
  /** Predictions by which a stochastic model's result is scored, 1 or more; default: 10. */
  readonly draws?: number
  readonly seed: number
  readonly batchSize: number
  readonly signal: AbortSignal
  /** Default: no limit. See `withTimeout` for what it cannot stop. */
  readonly timeLimitMs?: number
  /**
   * @param done attacked examples that are finished
   * @param total attacked examples
   * @param stage of an attack that has stages
   */
  progress?(done: number, total: number, stage?: string): void
}
