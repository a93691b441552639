/** Imports ONNX graphs as expressions: in the current operator set, with a symbolic batch. */
import { GraphError } from '../../base/errors.ts'
import type { OnnxAttribute, OnnxGraph, OnnxNode } from '../onnx/graph.ts'
import { namesRead } from '../onnx/subgraphs.ts'
import { dtypeOf } from '../onnx/tensor-data.ts'
import { int64, type DType, type Tensor } from '../tensor/tensor.ts'
import { importControlFlow, isControlFlow } from './control-flow.ts'
import type { Dim } from './dim.ts'
import { followBatch } from './follow-batch.ts'
import { g } from './graph.ts'
import { applyToIntegers, isInteger, type Apply, type IntegerTypes } from './integer-values.ts'
import { KnownValues } from './known-values.ts'
import {
  failedUse,
  missingOperator,
  obstaclesError,
  unsupportedSet,
  type Obstacle,
} from './obstacles.ts'
import { operators } from './ops/index.ts'
import { readableOpsets, type OpRecord } from './operator.ts'
import { describe, shapeError } from './operator-call.ts'
import { qualifiedName } from './operator-name.ts'
import { importRandom, isRandomSource, type Noise } from './random-operators.ts'
import { sizeInputs } from './size-inputs.ts'
import type { AttributeValue, Value } from './value.ts'

/** Options of `importGraph`. */
export interface ImportOptions {
  /** The model's name in errors. */
  readonly name: string
  /** Shapes of the inputs that replace those in the file; the batch is always `n`. */
  readonly inputShapes?: Readonly<Record<string, readonly Dim[]>>
  /**
   * An element type of the inputs that replaces the one in the file. With float32 in place of
   * integers, gradients pass what the file computes in integers.
   */
  readonly inputType?: DType
  /**
   * The fixed batch size of the file, if any. Integers in Reshape and Expand that equal it then
   * follow the batch.
   */
  readonly fixedBatch?: number
}

/** An imported graph. */
export interface ImportedGraph {
  readonly inputs: readonly Value[]
  readonly outputs: Readonly<Record<string, Value>>
  /** The value of each tensor of the file. */
  readonly values: ReadonlyMap<string, Value>
  /** The random numbers of the graph: placeholders in addition to the inputs. */
  readonly noise: readonly Noise[]
  /** The nodes that replace `If` and `Loop`. */
  readonly inlined: readonly OnnxNode[]
}

/**
 * Imports a graph. Sizes and tables that follow from constants and known sizes become constants,
 * and `If` and `Loop` with such conditions become the nodes that they execute.
 * @throws GraphError ROBENCH_NO_GRADIENT that names all unsupported operators, ROBENCH_GRAPH for a
 *   malformed graph
 */
export async function importGraph(
  graph: OnnxGraph,
  options: ImportOptions,
): Promise<ImportedGraph> {
  const values = new Map<string, Value>()
  const integers: IntegerTypes = new Map()
  const inputs = graph.inputs.map((info) => {
    const shape =
      options.inputShapes?.[info.name] ??
      info.shape?.map((dim, axis) => dim ?? `${info.name}_${axis}`)
    const dtype = options.inputType ?? info.dtype
    if (!shape || !dtype)
      throw malformed(options, `input "${info.name}" has no ${shape ? 'element type' : 'shape'}`)
    const value = g.input(info.name, dtype, shape)
    values.set(info.name, value)
    if (info.dtype && isInteger(info.dtype) && dtype === 'float32') {
      integers.set(value, info.dtype)
    }
    return value
  })
  for (const [name, tensor] of graph.initializers) values.set(name, g.constant(tensor, name))
  const state: ImportState = {
    graph,
    options,
    values,
    images: inputs[0],
    integers,
    known: new KnownValues(graph, values),
    noise: [],
    inlined: [],
    obstacles: [],
    blocked: new Set(),
    failures: new Map(),
  }
  await importNodes(graph.nodes, state)
  const outputs: [string, Value][] = []
  for (const { name } of graph.outputs) {
    const value = values.get(name) ?? (await findPending(name, state))
    if (value) outputs.push([name, value])
    else if (state.obstacles.length > 0) throw obstaclesError(state.obstacles, options.name)
    else throw malformed(options, `no node computes the output "${name}"`)
  }
  return {
    inputs,
    outputs: Object.fromEntries(outputs),
    values,
    noise: state.noise,
    inlined: state.inlined,
  }
}

/** The state of an import. */
interface ImportState {
  readonly graph: OnnxGraph
  readonly options: ImportOptions
  readonly values: Map<string, Value>
  /** The first input, whose first size is the batch. */
  readonly images: Value | undefined
  readonly integers: IntegerTypes
  readonly known: KnownValues
  readonly noise: Noise[]
  readonly inlined: OnnxNode[]
  /** What stands in the way, in the order of the graph. */
  readonly obstacles: Obstacle[]
  /** Tensors that depend on obstacles. */
  readonly blocked: Set<string>
  /** Why a known tensor has no expression. It becomes a constant where it is read. */
  readonly failures: Map<string, Obstacle>
}

async function importNodes(nodes: readonly OnnxNode[], state: ImportState): Promise<void> {
  const { values, blocked, obstacles, failures } = state
  for (const node of nodes) {
    const known = state.known.add(node)
    const reads = namesRead(node)
    if (reads.some((name) => blocked.has(name))) {
      // Further operators without a rule are named in the same error.
      if (!isSupported(node)) obstacles.push(missingOperator(node))
      for (const name of node.outputs) blocked.add(name)
      continue
    }
    const obstacle = await importAny(node, state)
    if (!obstacle) continue
    for (const name of node.outputs) {
      if (known) failures.set(name, obstacle)
      else blocked.add(name)
    }
    if (!known) obstacles.push(obstacle)
  }
  // An omitted input or output has no name.
  blocked.delete('')
  values.delete('')
}

/** Imports a node. Returns what stands in the way, if anything. */
async function importAny(node: OnnxNode, state: ImportState): Promise<Obstacle | undefined> {
  const { values, options, noise, known, images } = state
  try {
    if (isRandomSource(node)) {
      const drawn = importRandom(node, values.get(node.inputs[0] ?? ''), options.fixedBatch)
      noise.push(drawn)
      values.set(drawn.tensor, drawn.value)
      return undefined
    }
    if (isControlFlow(node)) {
      return await importControlFlow(
        node,
        async (name) => constantOf(await known.find(name, images)),
        async (nodes, constants) => {
          for (const [name, item] of constants) values.set(name, g.constant(item, name))
          state.inlined.push(...nodes.filter((item) => !isControlFlow(item)))
          await importNodes(nodes, state)
        },
      )
    }
    if (!isSupported(node)) return missingOperator(node)
    const sets = operators.get(qualifiedName(node))?.opsets ?? readableOpsets
    const { opset } = state.graph
    if (node.domain === '' && (opset < sets[0] || opset > sets[1])) {
      return unsupportedSet(node, opset, sets)
    }
    for (const [i, name] of node.inputs.entries()) {
      const isSize = node.domain === '' && i >= (sizeInputs[node.op] ?? Infinity)
      const value = values.get(name)
      if (name === '' || (value && !(isSize && !value.contents))) continue
      const found = await findPending(name, state)
      if (found) values.set(name, found)
      else if (!value) {
        const type = state.graph.unreadable?.get(name)
        return state.failures.get(name) ?? unknownTensor(node, name, type)
      }
    }
    const outputs = importNode(node, state)
    node.outputs.forEach((name, i) => {
      const output = outputs[i]
      if (name !== '' && output) values.set(name, output)
    })
    return undefined
  } catch (error) {
    if (error instanceof GraphError && error.code !== 'ROBENCH_INTERNAL')
      return failedUse(node, error)
    throw error
  }
}

function findPending(name: string, { known, images }: ImportState): Promise<Value | undefined> {
  return known.find(name, images)
}

function constantOf(value: Value | undefined): Tensor | undefined {
  if (!value) return undefined
  if (value.node.tensor) return value.node.tensor
  const [first] = value.contents ?? []
  return typeof first === 'number' ? int64([1], [first]) : undefined
}

function isSupported(node: OnnxNode): boolean {
  if (node.domain === '' && node.op === 'Constant') return true
  return isControlFlow(node) || isRandomSource(node) || operators.has(qualifiedName(node))
}

function importNode(
  node: OnnxNode,
  { graph, values, options, images, integers }: ImportState,
): readonly Value[] {
  if (node.op === 'Constant' && node.domain === '') return [importConstant(node)]
  const op = qualifiedName(node)
  const record = operators.get(op)!
  const inputs = node.inputs.map((name) => (name === '' ? null : values.get(name)!))
  const call = {
    op,
    name: node.name || node.outputs[0]!,
    inputs: followBatch(node, inputs, images, options.fixedBatch),
    attributes: importAttributes(node, record),
  }
  const counted = withOutputCount(call, node)
  const apply: Apply = (own, attributes = {}) => {
    const applied = { ...counted, inputs: own }
    const upgraded = record.upgrade ? record.upgrade(g, applied, graph.opset) : applied
    if (isValues(upgraded)) return upgraded
    return g.op(op, upgraded.inputs, { ...upgraded.attributes, ...attributes }, call.name)
  }
  const filled = { ...call, attributes: { ...defaultsOf(record), ...call.attributes } }
  return applyToIntegers(filled, integers, apply) ?? apply(call.inputs)
}

function defaultsOf({ attributes }: OpRecord): Record<string, AttributeValue> {
  return Object.fromEntries(
    Object.entries(attributes).flatMap(([key, spec]) =>
      spec.default === undefined ? [] : [[key, spec.default]],
    ),
  )
}

function isValues(upgraded: object): upgraded is readonly Value[] {
  return Array.isArray(upgraded)
}

/** Split of old operator sets has as many parts as the node has outputs. */
function withOutputCount<
  C extends {
    readonly op: string
    readonly inputs: readonly (Value | null)[]
    readonly attributes: Readonly<Record<string, AttributeValue>>
  },
>(call: C, node: OnnxNode): C {
  if (
    call.op !== 'Split' ||
    call.inputs[1] ||
    'split' in call.attributes ||
    'num_outputs' in call.attributes
  )
    return call
  return { ...call, attributes: { ...call.attributes, num_outputs: node.outputs.length } }
}

function importConstant(node: OnnxNode): Value {
  const {
    value,
    value_int: int,
    value_ints: ints,
    value_float: float,
    value_floats: floats,
  } = node.attributes
  if (value?.type === 'tensor') return g.constant(value.value, node.name)
  if (int?.type === 'int') return g.scalar(int.value, 'int64')
  if (ints?.type === 'ints') return g.integers(ints.value)
  if (float?.type === 'float') return g.scalar(float.value)
  if (floats?.type === 'floats') return g.floats([floats.value.length], floats.value)
  throw shapeError(node, 'it has no supported value')
}

function importAttributes(node: OnnxNode, record: OpRecord): Record<string, AttributeValue> {
  const attributes: Record<string, AttributeValue> = {}
  for (const [key, attribute] of Object.entries(node.attributes)) {
    const type = record.attributes[key]?.type
    // The number 0 stands for no type.
    if ((type === 'dtype' && attribute.value === 0) || type === 'strings') continue
    attributes[key] = importAttribute(node, key, attribute, type)
  }
  return attributes
}

function importAttribute(
  node: OnnxNode,
  key: string,
  attribute: OnnxAttribute,
  type: string | undefined,
): AttributeValue {
  if (type === 'dtype' && attribute.type === 'int') return dtypeOf(attribute.value, key)
  if (type === 'words' && attribute.type === 'strings') return attribute.value.join(' ')
  switch (attribute.type) {
    case 'unsupported':
      throw shapeError(node, `attribute "${key}" of type ${attribute.value} is not supported`)
    case 'strings':
    case 'graph':
    case 'reference': {
      const name = attribute.type.toUpperCase()
      throw shapeError(node, `attribute "${key}" of type ${name} is not supported`)
    }
    default:
      return attribute.value
  }
}

/** @param type of an initializer that was omitted */
function unknownTensor(node: OnnxNode, name: string, type: string | undefined): Obstacle {
  const reads = `${describe(node)} reads "${name}"`
  return type === undefined
    ? {
        node,
        kind: 'use',
        reason: `malformed graph: ${reads}, which no earlier node computes`,
        code: 'ROBENCH_GRAPH',
      }
    : {
        node,
        kind: 'use',
        reason: `${reads}, which has the unsupported element type ${type}`,
        code: 'ROBENCH_NO_GRADIENT',
        advice: 'export it again in float32 or float16',
      }
}

function malformed(options: ImportOptions, message: string): GraphError {
  return new GraphError('ROBENCH_GRAPH', `${options.name}: malformed graph: ${message}`)
}
