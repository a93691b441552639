/** Where layers put their parameters while a network is built. */
import { GraphError } from '../base/errors.ts'
import { g } from '../engine/graph/graph.ts'
import { parameterPrefix } from '../engine/graph/serialize.ts'
import type { Value } from '../engine/graph/value.ts'
import { randomStream, type RandomStream } from '../base/random.ts'
import { float32, sizeOf, type FloatTensor } from '../engine/tensor/tensor.ts'

/** Fills a new parameter. */
export type Initializer = (
  values: Float32Array,
  shape: readonly number[],
  random: RandomStream,
) => void

/** A named tensor that training changes: by the optimizer, or (running statistics) by the forward pass. */
export interface Parameter {
  readonly name: string
  /** Its placeholder in the graph. */
  readonly value: Value
  readonly initial: FloatTensor
  readonly trainable: boolean
  /** Whether weight decay applies. */
  readonly decays: boolean
}

export interface ParameterOptions {
  readonly trainable?: boolean
  readonly decays?: boolean
}

/**
 * Collects the parameters of one network. Names are made of the order of layers, and initial values
 * drawn from a stream of (seed, name), so that building the network twice gives the same.
 */
export class LayerScope {
  /** In training, batch normalization uses the batch's statistics. */
  readonly training: boolean
  readonly #seed: number
  readonly #parameters = new Map<string, Parameter>()
  readonly #updates = new Map<string, Value>()
  #layers = 0

  constructor(options: { readonly training: boolean; readonly seed: number }) {
    this.training = options.training
    this.#seed = options.seed
  }

  get parameters(): readonly Parameter[] {
    return [...this.#parameters.values()]
  }

  /** New values of running statistics after this pass, by parameter name. */
  get updates(): ReadonlyMap<string, Value> {
    return this.#updates
  }

  /** A name for the next layer of that kind: `conv3`. */
  layer(kind: string): string {
    this.#layers += 1
    return `${kind}${this.#layers}`
  }

  /** Makes a parameter and gives its placeholder. @throws GraphError if the name is taken. */
  parameter(
    name: string,
    shape: readonly number[],
    initialize: Initializer,
    options: ParameterOptions = {},
  ): Value {
    if (this.#parameters.has(name)) {
      throw new GraphError(
        'ROBENCH_GRAPH',
        `parameter "${name}" exists already; give each layer its own name`,
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

  /** States what a running statistic becomes after a training pass. */
  update(name: string, value: Value): void {
    this.#updates.set(name, value)
  }
}
