/** Functions of the current weights that the host evaluates between optimization steps. */
import { g } from '../engine/graph/graph.ts'
import { foldBatchNormalization, substitute } from '../engine/graph/rewrite.ts'
import { parameterPrefix, toGraph, toOnnx } from '../engine/graph/serialize.ts'
import { topologicalOrder, type Value } from '../engine/graph/value.ts'
import { writeOnnx } from '../engine/onnx/file.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import { ModuleScope } from './module.ts'
import type { InputShape } from './input-shape.ts'
import type { ParameterStore } from './scope.ts'

/** A function of a batch and the current weights. */
export interface ModelFunction<In extends string = string, Out extends string = string> {
  readonly name: string
  readonly inputs: Readonly<Record<In, InputShape>>
  /** Applies modules at inference, unless it says otherwise. */
  build(m: ModuleScope, inputs: Readonly<Record<In, Value>>): Readonly<Record<Out, Value>>
}

/** Placeholders `[n, …]` of a function's or phase's inputs. */
export function placeholders<Names extends string>(
  inputs: Readonly<Record<Names, InputShape>>,
  batch: number | 'n',
): Record<Names, Value> {
  const entries = Object.entries<InputShape>(inputs)
  // The keys are those of the inputs.
  return Object.fromEntries(
    entries.map(([name, { shape, dtype = 'float32' }]) => [
      name,
      g.input(name, dtype, [batch, ...shape]),
    ]),
  ) as Record<Names, Value>
}

/** The placeholders that values depend on, in topological order. */
export function usedInputs(values: readonly Value[]): Value[] {
  return topologicalOrder(values).flatMap((node) => (node.op === 'Input' ? [node.outputs[0]!] : []))
}

/**
 * Expressions of inputs and parameters, with batch normalization at inference folded while
 * parameters are placeholders, so that the folding is part of the graph.
 */
export class WeightedGraph {
  readonly #outputs: Readonly<Record<string, Value>>
  readonly #inputs: readonly Value[]
  readonly #store: ParameterStore
  /** False if the outputs do not depend on parameters. */
  readonly usesParameters: boolean
  #template: ReturnType<typeof toGraph> | undefined

  constructor(outputs: Readonly<Record<string, Value>>, store: ParameterStore) {
    const names = Object.keys(outputs)
    const folded = foldBatchNormalization(Object.values(outputs))
    this.#outputs = Object.fromEntries(names.map((name, i) => [name, folded[i]!]))
    const isParameter = new Set(store.parameters.map(({ value }) => value))
    const used = usedInputs(folded)
    this.#inputs = used.filter((input) => !isParameter.has(input))
    this.usesParameters = this.#inputs.length < used.length
    this.#store = store
  }

  /** An ONNX file with parameters as inputs `parameter/…`. */
  withInputs(): Uint8Array {
    return toOnnx(this.#outputs, usedInputs(Object.values(this.#outputs)))
  }

  /**
   * An ONNX file with these parameters as constants: onnxruntime packs constant kernels into its
   * blocked layout once, at load; kernels that are inputs do not get that layout.
   */
  bake(weights: ReadonlyMap<string, FloatTensor>): Uint8Array {
    const template = (this.#template ??= this.#constantGraph())
    const initializers = new Map(template.initializers)
    for (const name of template.initializers.keys()) {
      if (!name.startsWith(parameterPrefix)) continue
      const value = weights.get(name)
      if (value) initializers.set(name, value)
    }
    return writeOnnx({ ...template, initializers })
  }

  #constantGraph(): ReturnType<typeof toGraph> {
    const constants = new Map(
      this.#store.parameters.map(({ value, initial }) => [
        value,
        g.constant(initial, value.node.name),
      ]),
    )
    const names = Object.keys(this.#outputs)
    const fixed = substitute(Object.values(this.#outputs), constants)
    return toGraph(Object.fromEntries(names.map((name, i) => [name, fixed[i]!])), this.#inputs)
  }
}

/** Builds a function's graph on the parameters of a store. */
export function functionGraph<In extends string, Out extends string>(
  fn: ModelFunction<In, Out>,
  store: ParameterStore,
): WeightedGraph {
  const inputs = placeholders(fn.inputs, 'n')
  return new WeightedGraph(fn.build(new ModuleScope(store), inputs), store)
}
