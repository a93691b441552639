/** Modules: networks that a training applies any number of times, in any expression. */
import { GraphError } from '../base/errors.ts'
import { g } from '../engine/graph/graph.ts'
import type { Value } from '../engine/graph/value.ts'
import type { NetworkDefinition } from './network.ts'
import { LayerScope, type Parameter, type ParameterStore } from './scope.ts'

/**
 * A network with several inputs and any outputs. Parameters are named `NAME/…`; every application
 * uses the same ones.
 */
export interface Module<In extends readonly Value[] = readonly Value[], Out = unknown> {
  readonly name: string
  build(scope: LayerScope, ...inputs: In): Out
}

/** How to apply a module. */
export interface ApplyOptions {
  /** Uses the batch's statistics in batch normalization, and updates the running ones. */
  readonly training?: boolean
  /** The branch of split batch normalization; default: the main one. */
  readonly branch?: string
}

/** Applies modules in one expression. Running statistics pass from one application to the next. */
export class ModuleScope {
  readonly #store: ParameterStore
  readonly #updates = new Map<string, Value>()
  readonly #parameters = new Map<Parameter, Module>()
  readonly #modules = new Map<string, Module>()

  constructor(store: ParameterStore) {
    this.#store = store
  }

  /**
   * Applies a module to inputs.
   * @throws GraphError ROBENCH_GRAPH if another module of this expression has its name
   */
  apply<In extends readonly Value[], Out>(
    module: Module<In, Out>,
    inputs: In,
    { training = false, branch }: ApplyOptions = {},
  ): Out {
    const { name } = module
    const known = this.#modules.get(name) ?? module
    if (known !== module) {
      throw new GraphError('ROBENCH_GRAPH', `two modules are named "${name}"; rename one of them`)
    }
    this.#modules.set(name, module)
    const scope = new LayerScope({
      training,
      store: this.#store,
      path: `${name}/`,
      updates: this.#updates,
      ...(branch !== undefined && { branch }),
    })
    const outputs = module.build(scope, ...inputs)
    for (const parameter of scope.parameters) {
      this.#parameters.set(parameter, module)
    }
    return outputs
  }

  /** The parameters used so far, with their module. */
  get parameters(): ReadonlyMap<Parameter, Module> {
    return this.#parameters
  }

  /** New values of running statistics, by parameter name. */
  get updates(): ReadonlyMap<string, Value> {
    return this.#updates
  }
}

/**
 * A classifier as a module: raw images `[n, c, h, w]` to logits `[n, k]`. It first subtracts `mean`
 * and divides by `std`, both per channel.
 */
export function classifierModule(
  network: NetworkDefinition,
  { mean, std }: { readonly mean: readonly number[]; readonly std: readonly number[] },
  name = 'classifier',
): Module<[images: Value], Value> {
  const channel = (values: readonly number[]): Value => g.floats([values.length, 1, 1], values)
  return {
    name,
    build: (scope, images) =>
      network.build(scope, g.div(g.sub(images, channel(mean)), channel(std))),
  }
}
