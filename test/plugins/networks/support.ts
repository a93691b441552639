/** Networks of plugins, built and run in tests. */
import { g } from '../../../core/engine/graph/graph.ts'
import { Session } from '../../../core/engine/graph/session.ts'
import type { Value } from '../../../core/engine/graph/value.ts'
import { float32, type FloatTensor } from '../../../core/engine/tensor/tensor.ts'
import type { NetworkPlugin, PluginOptions } from '../../../core/plugin/contract.ts'
import { resolveOptions } from '../../../core/plugin/options.ts'
import type { NetworkDefinition } from '../../../core/training/network.ts'
import {
  LayerScope,
  ParameterStore,
  type Initializer,
  type Parameter,
  type ParameterOptions,
} from '../../../core/training/scope.ts'
import builtins from '../../../plugins/index.ts'

export type Shape = readonly [channels: number, height: number, width: number]

/** A built-in network with its options checked and defaults filled in, as the host does it. */
export async function networkOf(
  id: string,
  options: PluginOptions = {},
  inputShape: Shape = [3, 32, 32],
  classes = 10,
): Promise<NetworkDefinition> {
  const network: NetworkPlugin<never> = await builtins.networks![id]!()
  const resolved = resolveOptions(network.meta, options, id)
  return network.define({ inputShape, classes, options: resolved as never })
}

/** Leaves all parameters at zero: a large network is built in no time. */
export class EmptyStore extends ParameterStore {
  override obtain(
    name: string,
    shape: readonly number[],
    _initialize: Initializer,
    options?: ParameterOptions,
  ): Parameter {
    return super.obtain(name, shape, () => {}, options)
  }
}

/** A network applied to a placeholder of images. */
export interface Built {
  readonly images: Value
  readonly logits: Value
  readonly parameters: readonly Parameter[]
  readonly trained: readonly Parameter[]
}

/** Applies a network to `images` `[batch, …]`. */
export function build(
  network: NetworkDefinition,
  shape: Shape,
  {
    training = false,
    batch = 'n',
    store = new ParameterStore(1),
    branch,
  }: {
    readonly training?: boolean
    readonly batch?: number | 'n'
    readonly store?: ParameterStore
    readonly branch?: string
  } = {},
): Built {
  const images = g.input('images', 'float32', [batch, ...shape])
  const scope = new LayerScope({ training, store, ...(branch !== undefined && { branch }) })
  const logits = network.build(scope, images)
  const { parameters } = scope
  return { images, logits, parameters, trained: parameters.filter(({ trainable }) => trainable) }
}

/** Number of values in parameters. */
export function sizeOfAll(parameters: readonly Parameter[]): number {
  return parameters.reduce((sum, { initial }) => sum + initial.data.length, 0)
}

/** value_i = offset + amplitude · sin(i + phase): the same in PyTorch without its generator. */
export function wave(
  shape: readonly number[],
  phase: number,
  amplitude = 1,
  offset = 0,
): FloatTensor {
  const size = shape.reduce((product, dim) => product * dim, 1)
  const values = Float32Array.from(
    { length: size },
    (_, i) => offset + amplitude * Math.sin(i + phase),
  )
  return float32(shape, values)
}

/** Evaluates expressions of a built network. */
export async function run(
  { images, parameters }: Built,
  outputs: Readonly<Record<string, Value>>,
  input: FloatTensor,
  values: ReadonlyMap<string, FloatTensor>,
): Promise<Readonly<Record<string, Float32Array>>> {
  const session = await Session.compile(outputs, [images, ...parameters.map(({ value }) => value)])
  const results = await session.run(feedsOf({ parameters }, input, values))
  await session.release()
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => [name, data as Float32Array]),
  )
}

/** Feeds of a session: images, and parameters from `values` or else at their initial values. */
export function feedsOf(
  { parameters }: Pick<Built, 'parameters'>,
  images: FloatTensor,
  values: ReadonlyMap<string, FloatTensor>,
): Record<string, FloatTensor> {
  const entries = parameters.map(({ name, value, initial }) => [
    value.node.name,
    values.get(name) ?? initial,
  ])
  return { images, ...Object.fromEntries(entries) }
}
