/** Imports ONNX graphs as expressions: in the current operator set, with a symbolic batch. */
import { GraphError } from '../../base/errors.ts'
import type { OnnxAttribute, OnnxGraph, OnnxNode } from '../onnx/file.ts'
import { dtypeOf } from '../onnx/tensor-data.ts'
import { g } from './graph.ts'
import { operators } from './ops/index.ts'
import { divideDims, multiplyDims, type Dim } from './dim.ts'
import { readableOpsets, type OpRecord } from './operator.ts'
import { describe, shapeError } from './operator-call.ts'
import { qualifiedName } from './operator-name.ts'
import { refusedOperators } from './refused-operators.ts'
import { importRandom, isRandomSource, type Noise } from './random-operators.ts'
import type { AttributeValue, Value } from './value.ts'

/** Options of `importGraph`. */
export interface ImportOptions {
  /** The model's name in errors. */
  readonly name: string
  /** Shapes of the inputs that replace those in the file; the batch is always `n`. */
  readonly inputShapes?: Readonly<Record<string, readonly Dim[]>>
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
}

/**
 * Imports a graph.
 * @throws GraphError ROBENCH_NO_GRADIENT for an unsupported operator, ROBENCH_GRAPH for a malformed
 *   graph
 */
export function importGraph(graph: OnnxGraph, options: ImportOptions): ImportedGraph {
  const values = new Map<string, Value>()
  const inputs = graph.inputs.map((info) => {
    const shape =
      options.inputShapes?.[info.name] ??
      info.shape?.map((dim, axis) => dim ?? `${info.name}_${axis}`)
    if (!shape || !info.dtype)
      throw malformed(options, `input "${info.name}" has no ${shape ? 'element type' : 'shape'}`)
    const value = g.input(info.name, info.dtype, shape)
    values.set(info.name, value)
    return value
  })
  for (const [name, tensor] of graph.initializers) values.set(name, g.constant(tensor, name))
  const noise: Noise[] = []
  for (const node of graph.nodes) {
    if (isRandomSource(node)) {
      const drawn = importRandom(node, values.get(node.inputs[0] ?? ''), options.fixedBatch)
      noise.push(drawn)
      values.set(drawn.tensor, drawn.value)
      continue
    }
    const outputs = importNode(node, graph, values, options)
    node.outputs.forEach((name, i) => {
      const output = outputs[i]
      if (name !== '' && output) values.set(name, output)
    })
  }
  const outputs = graph.outputs.map(({ name }) => {
    const value = values.get(name)
    if (!value) throw malformed(options, `no node computes the output "${name}"`)
    return [name, value] as const
  })
  return { inputs, outputs: Object.fromEntries(outputs), values, noise }
}

function importNode(
  node: OnnxNode,
  graph: OnnxGraph,
  values: ReadonlyMap<string, Value>,
  options: ImportOptions,
): readonly Value[] {
  const inputs = node.inputs.map((name) => {
    if (name === '') return null
    const value = values.get(name)
    if (!value)
      throw malformed(options, `${describe(node)} reads "${name}", which no earlier node computes`)
    return value
  })
  if (node.op === 'Constant' && node.domain === '') return [importConstant(node, options)]
  const op = qualifiedName(node)
  const record = operators.get(op)
  if (!record) throw unknownOperator(node, options)
  const [first, last] = record.opsets ?? readableOpsets
  if (node.domain === '' && (graph.opset < first || graph.opset > last)) {
    throw new GraphError(
      'ROBENCH_NO_GRADIENT',
      `${options.name}: ${describe(node)} is in operator set ${graph.opset}, ` +
        `but robench supports sets ${first} to ${last}; ` +
        'convert the model (onnx.version_converter) to differentiate it; ' +
        'black-box attacks, which need no gradient, still work',
      { details: { op: node.op, node: node.name } },
    )
  }
  try {
    const call = {
      op,
      name: node.name || node.outputs[0]!,
      inputs: followBatch(node.op, inputs, options),
      attributes: importAttributes(node, record),
    }
    const counted = withOutputCount(call, node)
    const upgraded = record.upgrade ? record.upgrade(g, counted, graph.opset) : counted
    if (isValues(upgraded)) return upgraded
    return g.op(op, upgraded.inputs, upgraded.attributes, call.name)
  } catch (error) {
    if (error instanceof GraphError)
      throw new GraphError(error.code, `${options.name}: ${error.message}`, {
        details: error.details,
        cause: error,
      })
    throw error
  }
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

/**
 * Makes target shapes of a fixed batch follow the batch: in Expand the leading size becomes 1,
 * which broadcasts; in Reshape it becomes −1, and a −1 elsewhere becomes its value for one example.
 */
function followBatch(
  op: string,
  inputs: readonly (Value | null)[],
  options: ImportOptions,
): readonly (Value | null)[] {
  const [x, target] = inputs
  if (options.fixedBatch === undefined || (op !== 'Reshape' && op !== 'Expand')) return inputs
  const numbers = target?.contents?.filter((size) => typeof size === 'number')
  if (!numbers || numbers.length === 0 || numbers.length < target!.contents!.length) return inputs
  if (op === 'Expand') {
    if (numbers[0] !== options.fixedBatch || x!.shape.length > numbers.length) return inputs
    return [x!, g.integers([1, ...numbers.slice(1)])]
  }
  const symbolic = x!.shape.some((dim) => typeof dim === 'string')
  if (!symbolic) return inputs
  const isBatchKept = numbers[0] === 0 || (numbers[0] === -1 && numbers.length > 1)
  if (isBatchKept) return inputs
  const open = numbers.indexOf(-1)
  if (open > 0) {
    const factor = numbers[0]! / options.fixedBatch
    const others = numbers.filter((_, axis) => axis !== 0 && axis !== open)
    const rest = divideDims(multiplyDims(x!.shape), multiplyDims(['n', factor, ...others]))
    if (!Number.isInteger(factor) || typeof rest !== 'number' || others.includes(0)) return inputs
    return [x!, g.integers([-1, ...numbers.slice(1).map((size) => (size === -1 ? rest : size))])]
  }
  return [x!, g.integers([-1, ...numbers.slice(1)])]
}

function importConstant(node: OnnxNode, options: ImportOptions): Value {
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
  throw malformed(options, `${describe(node)} has no supported value`)
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
  if (attribute.type === 'unsupported' || attribute.type === 'strings') {
    const name = attribute.type === 'strings' ? 'STRINGS' : attribute.value
    throw shapeError(node, `attribute "${key}" of type ${name} is not supported`)
  }
  return attribute.value
}

function unknownOperator(node: OnnxNode, options: ImportOptions): GraphError {
  const op = qualifiedName(node)
  const reason = refusedOperators.get(op)
  return new GraphError(
    'ROBENCH_NO_GRADIENT',
    `${options.name}: robench cannot differentiate the operator ` +
      describe({ op, name: node.name || (node.outputs[0] ?? '') }) +
      `${reason === undefined ? '' : `: ${reason}`}; ` +
      'black-box attacks, which need no gradient, still work',
    { details: { op, node: node.name } },
  )
}

function malformed(options: ImportOptions, message: string): GraphError {
  return new GraphError('ROBENCH_GRAPH', `${options.name}: malformed graph: ${message}`)
}
