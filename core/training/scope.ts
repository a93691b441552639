/** The scope that collects a network's parameters while it is built. */
import { GraphError } from '../base/errors.ts'
import { g } from '../engine/graph/graph.ts'
import { parameterPrefix } from '../engine/graph/serialize.ts'
import type { Value } from '../engine/graph/value.ts'
import { randomStream, type RandomStream } from '../base/random.ts'
import { float32, sizeOf, type FloatTensor } from '../engine/tensor/tensor.ts'

/** Fills a new parameter of that shape with initial values. */
export type Initializer = (
  values: Float32Array,
  shape: readonly number[],
  random: RandomStream,
) => void

/** A named tensor that the optimizer or, for running statistics, the forward pass updates. */
export interface Parameter {
  readonly name: string
  /** Its placeholder in the graph. */
  readonly value: Value
  readonly initial: FloatTensor
  /** False for running statistics. */
  readonly trainable: boolean
  /** Whether weight decay applies. */
  readonly decays: boolean
}

/** Options of `LayerScope.parameter`; both default to true. */
export interface ParameterOptions {
  readonly trainable?: boolean
  readonly decays?: boolean
}

/**
 * Collects the parameters of one network. Names count layers in order, and initial values are drawn
 * from a stream of (seed, name), so building the network twice gives the same parameters.
 */
export class LayerScope {
  /** True in training, where batch normalization uses the batch's statistics. */
  readonly training: boolean
  readonly #seed: number
  readonly #parameters = new Map<string, Parameter>()
  readonly #updates = new Map<string, Value>()
  #layers = 0

  constructor(options: { readonly training: boolean; readonly seed: number }) {
    this.training = options.training
    this.#seed = options.seed
  }

  /** In the order in which they were created. */
  get parameters(): readonly Parameter[] {
    return [...this.#parameters.values()]
  }

  /** New values of running statistics after this pass, by parameter name. */
  get updates(): ReadonlyMap<string, Value> {
    return this.#updates
  }

  /** A name for the next layer, such as `conv3`. */
  layer(kind: string): string {
    this.#layers += 1
    return `${kind}${this.#layers}`
  }

  /** Creates a parameter and returns its placeholder. @throws GraphError if the name exists. */
  parameter(
    name: string,
    shape: readonly number[],
    initialize: Initializer,
    options: ParameterOptions = {},
  ): Value {
    if (this.#parameters.has(name)) {
      throw new GraphError(
        'ROBENCH_GRAPH',
        `parameter "${name}" already exists; give each layer its own name`,
      )
    }
    const values = new Float32Array(sizeOf(shape))
    initialize(values, shape, randomStream(this.#seed, 'parameter', name))
    const value = g.input(`${parameterPrefix}${name}`, 'float32', shape)
    const { trainable = true, decays = true } = options
    this.#parameters.set(name, {
      name,
      value,
      initial: float32(shape, values),
      trainable,
      decays: trainable && decays,
    })
    return value
  }

  /** Sets the expression of a running statistic's value after a training pass. */
  update(name: string, value: Value): void {
    this.#updates.set(name, value)
  }
}
