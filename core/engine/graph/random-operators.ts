/**
 * Random operators. They become placeholders: robench draws the numbers and feeds them, so that
 * passes are repeatable, gradients flow, and every device gets the same numbers.
 */
import { GraphError } from '../../base/errors.ts'
import type { OnnxAttribute, OnnxGraph, OnnxNode } from '../onnx/file.ts'
import { dataTypes, dtypeOf } from '../onnx/tensor-data.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import type { Dim } from './dim.ts'
import { g } from './graph.ts'
import { describe } from './operator-call.ts'
import type { Value } from './value.ts'

/** Random numbers to feed to a graph. */
export interface Noise {
  /**
   * The placeholder, float32: `[n, …]` with numbers per example, or a fixed shape for the whole
   * batch.
   */
  readonly value: Value
  readonly perExample: boolean
  readonly distribution: Distribution
  /** The tensor of the file that it replaces. */
  readonly tensor: string
}

/** The distribution of random numbers. */
export type Distribution =
  | { readonly kind: 'normal'; readonly mean: number; readonly scale: number }
  | { readonly kind: 'uniform'; readonly low: number; readonly high: number }

const sources = new Set(['RandomNormal', 'RandomNormalLike', 'RandomUniform', 'RandomUniformLike'])

/**
 * True if two runs of the node on the same inputs can differ. Expand training-mode Dropout first.
 */
export function isRandom({ op, domain }: Pick<OnnxNode, 'op' | 'domain'>): boolean {
  return domain === '' && (sources.has(op) || op === 'Bernoulli' || op === 'Multinomial')
}

/** Whether `importRandom` supports the node. */
export function isRandomSource({ op, domain }: Pick<OnnxNode, 'op' | 'domain'>): boolean {
  return domain === '' && sources.has(op)
}

/**
 * The graph with `Bernoulli` and training-mode `Dropout` as comparisons with uniform random
 * numbers.
 */
export function expandRandom(graph: OnnxGraph): OnnxGraph {
  const constants = constantsOf(graph)
  const initializers = new Map(graph.initializers)
  const nodes = graph.nodes.flatMap((node) => {
    if (node.domain !== '') return [node]
    if (node.op === 'Bernoulli') return bernoulli(node)
    const training = constants.get(node.inputs[2] ?? '')
    if (node.op !== 'Dropout' || !training || Number(training.data[0]) === 0) return [node]
    const one = `${node.outputs[0]}/one`
    initializers.set(one, float32([], [1]))
    const half = `${node.outputs[0]}/half`
    if (!node.inputs[1]) initializers.set(half, float32([], [0.5]))
    return dropout(node, node.inputs[1] || half, one)
  })
  return { ...graph, initializers, nodes }
}

/** The graph with the values of its random nodes as additional inputs. */
export function withoutRandom(graph: OnnxGraph): OnnxGraph {
  const drawn = graph.nodes.filter(isRandomSource).map((node) => node.outputs[0]!)
  return {
    ...graph,
    inputs: [
      ...graph.inputs,
      ...drawn.map((name) => ({ name, dtype: 'float32' as const, shape: null })),
    ],
    nodes: graph.nodes.filter((node) => !isRandomSource(node)),
  }
}

/**
 * The noise of a node. Its attribute `seed` is ignored: onnxruntime draws new numbers in each run
 * anyway.
 * @param like the input of a `…Like` operator
 * @param fixedBatch as in `ImportOptions`: a leading size equal to it, or to 1, follows the batch
 * @throws GraphError ROBENCH_NO_GRADIENT if shape or type are unsupported
 */
export function importRandom(
  node: OnnxNode,
  like: Value | null | undefined,
  fixedBatch: number | undefined,
): Noise {
  const tensor = node.outputs[0]!
  const shape = like?.shape ?? statedShape(node, fixedBatch)
  const [leading, ...rest] = shape
  const type = integer(node.attributes['dtype'])
  const dtype = type === undefined ? (like?.dtype ?? 'float32') : dtypeOf(type, 'dtype')
  const isKnown = rest.every((dim) => typeof dim === 'number')
  if (dtype !== 'float32' || !isKnown || (typeof leading === 'string' && leading !== 'n')) {
    throw new GraphError(
      'ROBENCH_NO_GRADIENT',
      `${describe(node)}: expected float32 random numbers of a known shape, except the batch, ` +
        `got ${dtype} [${shape.join(', ')}]; ` +
        'black-box attacks, which need no gradient, still work',
      { details: { op: node.op, node: node.name } },
    )
  }
  const number = (key: string, fallback: number): number => {
    const attribute = node.attributes[key]
    return attribute?.type === 'float' ? attribute.value : fallback
  }
  return {
    value: g.input(`noise/${tensor}`, 'float32', shape),
    perExample: leading === 'n',
    distribution: node.op.startsWith('RandomNormal')
      ? { kind: 'normal', mean: number('mean', 0), scale: number('scale', 1) }
      : { kind: 'uniform', low: number('low', 0), high: number('high', 1) },
    tensor,
  }
}

function statedShape(node: OnnxNode, fixedBatch: number | undefined): readonly Dim[] {
  const attribute = node.attributes['shape']
  const sizes = attribute?.type === 'ints' ? attribute.value : []
  // One draw for all examples has the same distribution as one per example, which does not depend
  // on the batch.
  const follows = sizes.length > 1 && (sizes[0] === 1 || sizes[0] === fixedBatch)
  return follows ? ['n', ...sizes.slice(1)] : sizes
}

// y = 1 where u < p
function bernoulli(node: OnnxNode): OnnxNode[] {
  const [p, y] = [node.inputs[0]!, node.outputs[0]!]
  const to = integer(node.attributes['dtype']) ?? dataTypes.float32
  return [
    plain(node, 'RandomUniformLike', [p], `${y}/uniform`),
    plain(node, 'Less', [`${y}/uniform`, p], `${y}/chosen`),
    plain(node, 'Cast', [`${y}/chosen`], y, { to: { type: 'int', value: to } }),
  ]
}

// y = x·mask / (1 − ratio), mask = u ≥ ratio
function dropout(node: OnnxNode, ratio: string, one: string): OnnxNode[] {
  const [x, y] = [node.inputs[0]!, node.outputs[0]!]
  const mask = node.outputs[1] || `${y}/mask`
  const float: Record<string, OnnxAttribute> = { to: { type: 'int', value: dataTypes.float32 } }
  return [
    plain(node, 'RandomUniformLike', [x], `${y}/uniform`),
    plain(node, 'GreaterOrEqual', [`${y}/uniform`, ratio], mask),
    plain(node, 'Cast', [mask], `${y}/kept`, float),
    plain(node, 'Sub', [one, ratio], `${y}/share`),
    plain(node, 'Mul', [x, `${y}/kept`], `${y}/masked`),
    plain(node, 'Div', [`${y}/masked`, `${y}/share`], y),
  ]
}

function plain(
  { name }: OnnxNode,
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: Record<string, OnnxAttribute> = {},
): OnnxNode {
  return { name: `${name}/${op}`, op, domain: '', inputs, outputs: [output], attributes }
}

function constantsOf({ initializers, nodes }: OnnxGraph): ReadonlyMap<string, Tensor> {
  const constants = new Map(initializers)
  for (const { op, outputs, attributes } of nodes) {
    const { value } = attributes
    if (op === 'Constant' && value?.type === 'tensor') constants.set(outputs[0]!, value.value)
  }
  return constants
}

function integer(attribute: OnnxAttribute | undefined): number | undefined {
  return attribute?.type === 'int' ? attribute.value : undefined
}
