/** The state of training between steps: parameters, optimizer state, averages, as named tensors. */
import { float32, type FloatTensor, type Tensor } from '../engine/tensor/tensor.ts'
import type { Averaging, ParameterGroup } from './phase.ts'
import { averageName, groupParameters, newPrefix, type PhaseGraph } from './phase-graph.ts'
import type { Parameter, ParameterStore, Weights } from './scope.ts'

/** Named tensors that the graphs of phases read and replace. */
export class TrainingState {
  readonly #tensors = new Map<string, FloatTensor>()
  readonly #store: ParameterStore
  readonly #groups: readonly ParameterGroup[]
  readonly #trained = new Set<Parameter>()
  /** The current parameters, until the next update. */
  #current: Weights | undefined

  constructor(store: ParameterStore, phases: readonly PhaseGraph[]) {
    this.#store = store
    this.#groups = [...new Set(phases.flatMap(({ trained }) => [...trained.keys()]))]
    for (const { initial, trained } of phases) {
      for (const [name, value] of initial) this.#tensors.set(name, value)
      for (const parameter of [...trained.values()].flat()) this.#trained.add(parameter)
    }
  }

  /** Groups that some step updates. */
  get groups(): readonly ParameterGroup[] {
    return this.#groups
  }

  /** Number of trained values, without running statistics. */
  get parameterCount(): number {
    return [...this.#trained].reduce((sum, { initial }) => sum + initial.data.length, 0)
  }

  /** The current parameters by placeholder name (`parameter/…`); the same map until an update. */
  get weights(): Weights {
    return (this.#current ??= this.#weights(() => undefined))
  }

  /** The parameters of the model: averages where a group has them, else the current ones. */
  get averaged(): Weights {
    const averages = new Map<Parameter, FloatTensor>()
    for (const group of this.#groups) {
      for (const parameter of group.averaging ? groupParameters(group, this.#store) : []) {
        const value = this.#tensors.get(averageName(parameter))
        if (value) averages.set(parameter, value)
      }
    }
    return this.#weights((parameter) => averages.get(parameter))
  }

  /** All tensors by name. */
  get tensors(): Weights {
    return this.#tensors
  }

  /** Replaces tensors by the `new/…` outputs of a phase. */
  update(outputs: Readonly<Record<string, Tensor>>): void {
    for (const [name, value] of Object.entries(outputs)) {
      // State is float32.
      if (name.startsWith(newPrefix)) {
        this.#tensors.set(name.slice(newPrefix.length), value as FloatTensor)
      }
    }
    this.#current = undefined
  }

  /** Restores the tensors of a checkpoint. */
  restore(tensors: Weights): void {
    for (const [name, value] of tensors) this.#tensors.set(name, value)
    this.#current = undefined
  }

  /**
   * Adds the current weights to stochastic weight averages, after an epoch.
   * @param progress fraction of training that is done
   */
  endEpoch(progress: number): void {
    for (const group of this.#groups) {
      if (group.averaging?.kind !== 'swa' || progress <= group.averaging.from) continue
      const counter = `averaged/${group.name}`
      const count = (this.#tensors.get(counter)?.data[0] ?? 0) + 1
      this.#tensors.set(counter, float32([], [count]))
      for (const parameter of groupParameters(group, this.#store)) {
        const name = averageName(parameter)
        const weight = this.#tensors.get(parameter.value.node.name) ?? parameter.initial
        const old = this.#tensors.get(name) ?? weight
        const data = old.data.map((value, i) => value + (weight.data[i]! - value) / count)
        this.#tensors.set(name, float32(weight.shape, data))
      }
    }
  }

  #weights(replaced: (parameter: Parameter) => FloatTensor | undefined): Weights {
    return new Map(
      this.#store.parameters.map((parameter) => {
        const { name } = parameter.value.node
        const value = replaced(parameter) ?? this.#tensors.get(name) ?? parameter.initial
        return [name, value]
      }),
    )
  }
}

/** The decay of an exponential average at an update, from 1: at most (1 + t)/(10 + t). */
export function averagingDecay(averaging: Averaging | undefined, update: number): number {
  if (averaging?.kind !== 'ema') return 0
  return Math.min(averaging.decay, (1 + update) / (10 + update))
}
