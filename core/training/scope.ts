/** Parameters of networks, and the scope in which layers create or reuse them. */
import { ConfigError, GraphError } from '../base/errors.ts'
import { formatShape } from '../engine/graph/dim.ts'
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

/** Parameter values by name. */
export type Weights = ReadonlyMap<string, FloatTensor>

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

/** Most values of all parameters: with 4 bytes each, the 2 GiB that an ONNX file may have. */
const mostValues = 2 ** 29

/**
 * The parameters of all networks of a training, by name. Initial values are drawn from a stream of
 * (seed, name), so building a network twice gives the same parameters.
 */
export class ParameterStore {
  readonly #seed: number
  readonly #parameters = new Map<string, Parameter>()
  #values = 0

  constructor(seed: number) {
    this.#seed = seed
  }

  /** In the order in which they were created. */
  get parameters(): readonly Parameter[] {
    return [...this.#parameters.values()]
  }

  /** The initial values by placeholder name (`parameter/…`). */
  get initial(): Weights {
    return new Map(this.parameters.map(({ value, initial }) => [value.node.name, initial]))
  }

  /** The parameter of that name, if it exists. */
  get(name: string): Parameter | undefined {
    return this.#parameters.get(name)
  }

  /**
   * The parameter of that name, created at its first use.
   * @throws GraphError ROBENCH_GRAPH if it exists with another shape
   * @throws ConfigError ROBENCH_CONFIG if all parameters together have more values than fit a file
   */
  obtain(
    name: string,
    shape: readonly number[],
    initialize: Initializer,
    { trainable = true, decays = true }: ParameterOptions = {},
  ): Parameter {
    const existing = this.#parameters.get(name)
    if (existing) {
      const before = existing.initial.shape
      if (formatShape(before) === formatShape(shape)) return existing
      throw new GraphError(
        'ROBENCH_GRAPH',
        `parameter "${name}" has shape ${formatShape(before)} and cannot be reused as ` +
          `${formatShape(shape)}; apply a module to inputs of one size`,
      )
    }
    this.#values += sizeOf(shape)
    if (this.#values > mostValues) {
      throw new ConfigError(
        'ROBENCH_CONFIG',
        `the network needs more than ${mostValues} parameters, the most that a model file can ` +
          `have (at "${name}", ${formatShape(shape)}); lower its width or depth`,
      )
    }
    const values = new Float32Array(sizeOf(shape))
    initialize(values, shape, randomStream(this.#seed, 'parameter', name))
    const parameter = {
      name,
      value: g.input(`${parameterPrefix}${name}`, 'float32', shape),
      initial: float32(shape, values),
      trainable,
      decays: trainable && decays,
    }
    this.#parameters.set(name, parameter)
    return parameter
  }
}

/** Options of `LayerScope`. */
export interface ScopeOptions {
  /** True in training, where batch normalization uses the batch's statistics. */
  readonly training: boolean
  /** Seed of the initial values, for a scope with its own parameters. Default 0. */
  readonly seed?: number
  /** Parameters that this scope creates or reuses. Default: its own. */
  readonly store?: ParameterStore
  /** Prefix of parameter names, such as `classifier/`. Default: none. */
  readonly path?: string
  /** The branch of batch normalization; see `batchNormalization`. */
  readonly branch?: string
  /** Running statistics that earlier applications have updated, by parameter name. */
  readonly updates?: Map<string, Value>
}

/**
 * One application of a network. Names count layers in order, so a second scope on the same store
 * and path reuses the parameters of the first.
 */
export class LayerScope {
  readonly training: boolean
  readonly branch: string | undefined
  readonly #store: ParameterStore
  readonly #path: string
  readonly #updates: Map<string, Value>
  readonly #used = new Map<string, Parameter>()
  #layers = 0

  constructor({ training, seed = 0, store, path = '', branch, updates }: ScopeOptions) {
    this.training = training
    this.branch = branch
    this.#store = store ?? new ParameterStore(seed)
    this.#path = path
    this.#updates = updates ?? new Map<string, Value>()
  }

  /** The parameters of this application, in the order in which they were first used. */
  get parameters(): readonly Parameter[] {
    return [...this.#used.values()]
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

  /**
   * Creates or reuses a parameter and returns its placeholder.
   * @throws GraphError ROBENCH_GRAPH if this application already used the name, or if an earlier
   *   one created it with another shape
   */
  parameter(
    name: string,
    shape: readonly number[],
    initialize: Initializer,
    options: ParameterOptions = {},
  ): Value {
    const full = `${this.#path}${name}`
    if (this.#used.has(full)) {
      throw new GraphError(
        'ROBENCH_GRAPH',
        `parameter "${full}" already exists; give each layer its own name`,
      )
    }
    const parameter = this.#store.obtain(full, shape, initialize, options)
    this.#used.set(full, parameter)
    return parameter.value
  }

  /** A running statistic: created like a parameter, with the updates of earlier applications. */
  statistic(name: string, shape: readonly number[], initialize: Initializer): Value {
    const placeholder = this.parameter(name, shape, initialize, { trainable: false })
    return this.#updates.get(`${this.#path}${name}`) ?? placeholder
  }

  /** Sets the expression of a running statistic's value after a training pass. */
  update(name: string, value: Value): void {
    this.#updates.set(`${this.#path}${name}`, value)
  }
}
