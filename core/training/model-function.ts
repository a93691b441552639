/** Functions of the current weights that the host evaluates between optimization steps. */
import { g } from '../engine/graph/graph.ts'
import { PreparedSession } from '../engine/graph/prepared-session.ts'
import { foldBatchNormalization } from '../engine/graph/rewrite.ts'
import { Session, type SessionOptions } from '../engine/graph/session.ts'
import { topologicalOrder, type Value } from '../engine/graph/value.ts'
import type { Tensor } from '../engine/tensor/tensor.ts'
import { ModuleScope } from './module.ts'
import type { InputShape } from './input-shape.ts'
import type { ParameterStore, Weights } from './scope.ts'

/** A function of a batch and the current weights. */
export interface ModelFunction<In extends string = string, Out extends string = string> {
  readonly name: string
  readonly inputs: Readonly<Record<In, InputShape>>
  /** Applies modules at inference, unless it says otherwise. */
  build(m: ModuleScope, inputs: Readonly<Record<In, Value>>): Readonly<Record<Out, Value>>
}

/**
 * Placeholders `[n, …]` of a function's or phase's inputs.
 * @param prefix of their names in the graph
 */
export function placeholders<Names extends string>(
  inputs: Readonly<Record<Names, InputShape>>,
  batch: number | 'n',
  prefix = '',
): Record<Names, Value> {
  const entries = Object.entries<InputShape>(inputs)
  // The keys are those of the inputs.
  return Object.fromEntries(
    entries.map(([name, { shape, dtype = 'float32' }]) => [
      name,
      g.input(`${prefix}${name}`, dtype, [batch, ...shape]),
    ]),
  ) as Record<Names, Value>
}

/** The placeholders that values depend on, in topological order. */
export function usedInputs(values: readonly Value[]): Value[] {
  return topologicalOrder(values).flatMap((node) => (node.op === 'Input' ? [node.outputs[0]!] : []))
}

/**
 * Expressions of inputs and parameters, with batch normalization at inference folded while
 * parameters are placeholders.
 */
export interface WeightedGraph {
  readonly outputs: Readonly<Record<string, Value>>
  readonly inputs: readonly Value[]
  /** Placeholders of the parameters. */
  readonly weights: readonly Value[]
}

/** Separates the placeholders of outputs into inputs and parameters of the store. */
export function weightedGraph(
  outputs: Readonly<Record<string, Value>>,
  store: ParameterStore,
): WeightedGraph {
  const names = Object.keys(outputs)
  const folded = foldBatchNormalization(Object.values(outputs))
  const isParameter = new Set(store.parameters.map(({ value }) => value))
  const used = usedInputs(folded)
  return {
    outputs: Object.fromEntries(names.map((name, i) => [name, folded[i]!])),
    inputs: used.filter((input) => !isParameter.has(input)),
    weights: used.filter((input) => isParameter.has(input)),
  }
}

/** A session of a weighted graph: what depends only on weights is computed once per `prepare`. */
export class WeightedSession {
  readonly #session: Session | PreparedSession
  readonly #name: string
  #weights: Weights | undefined

  private constructor(session: Session | PreparedSession, name: string) {
    this.#session = session
    this.#name = name
  }

  static async load(
    { outputs, inputs, weights }: WeightedGraph,
    options: SessionOptions,
    name: string,
  ): Promise<WeightedSession> {
    const session =
      weights.length === 0
        ? await Session.compile(outputs, inputs, options, name)
        : await PreparedSession.compile(outputs, weights, inputs, options, name)
    return new WeightedSession(session, name)
  }

  /** Runs the graph. @param weights the same object for the same weights */
  async run(
    weights: Weights,
    feeds: Readonly<Record<string, Tensor>>,
  ): Promise<Record<string, Tensor>> {
    if (this.#session instanceof PreparedSession && this.#weights !== weights) {
      await this.#session.prepare(Object.fromEntries(weights), this.#name)
      this.#weights = weights
    }
    return this.#session.run(feeds, this.#name)
  }

  /** Frees the native sessions. */
  release(): Promise<void> {
    return this.#session.release()
  }
}

/** Builds a function's graph on the parameters of a store. */
export function functionGraph<In extends string, Out extends string>(
  fn: ModelFunction<In, Out>,
  store: ParameterStore,
): WeightedGraph {
  const inputs = placeholders(fn.inputs, 'n')
  return weightedGraph(fn.build(new ModuleScope(store), inputs), store)
}
