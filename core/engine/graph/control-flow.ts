/** `If` and `Loop` whose conditions are known before the run, as the nodes that they execute. */
import { GraphError } from '../../base/errors.ts'
import type { OnnxNode, OnnxSubgraph } from '../onnx/graph.ts'
import { renameNode } from '../onnx/subgraphs.ts'
import { int64, tensor, type Tensor } from '../tensor/tensor.ts'
import { dynamicFlow, type Obstacle } from './obstacles.ts'

/** Iterations of a loop that are unrolled, at most. */
const mostIterations = 10_000

/** The value of a tensor that is known before the run; undefined if it is not. */
export type FindKnown = (name: string) => Promise<Tensor | undefined>

/** Imports nodes, so that their results can be found. */
export type ImportNodes = (
  nodes: readonly OnnxNode[],
  constants: ReadonlyMap<string, Tensor>,
) => Promise<void>

/** Whether a node chooses or repeats a graph. */
export function isControlFlow({ op, domain }: OnnxNode): boolean {
  return domain === '' && (op === 'If' || op === 'Loop')
}

/**
 * Imports what an `If` or a `Loop` executes. Inner tensors are named after the first output and,
 * in loops, the iteration.
 * @returns what stands in the way, if anything
 */
export async function importControlFlow(
  node: OnnxNode,
  find: FindKnown,
  importNodes: ImportNodes,
): Promise<Obstacle | undefined> {
  return node.op === 'If'
    ? importBranch(node, find, importNodes)
    : importLoop(node, find, importNodes)
}

async function importBranch(
  node: OnnxNode,
  find: FindKnown,
  importNodes: ImportNodes,
): Promise<Obstacle | undefined> {
  const condition = await find(node.inputs[0] ?? '')
  if (!condition) return dynamicFlow(node, 'its condition')
  const branch = bodyOf(node, Number(condition.data[0]) === 0 ? 'else_branch' : 'then_branch')
  const scope = openScope(branch, prefixOf(node))
  await importNodes(scope.nodes, scope.initializers)
  await importNodes(
    node.outputs.flatMap((name, i) => copyOf(node, scope.outputs[i] ?? '', name)),
    new Map(),
  )
  return undefined
}

async function importLoop(
  node: OnnxNode,
  find: FindKnown,
  importNodes: ImportNodes,
): Promise<Obstacle | undefined> {
  const [count = '', start = '', ...initial] = node.inputs
  const body = bodyOf(node, 'body')
  const trips = count === '' ? undefined : await find(count)
  if (count !== '' && !trips) return dynamicFlow(node, 'its number of iterations')
  const limit = trips ? Number(trips.data[0]) : Infinity
  const first = start === '' ? undefined : await find(start)
  if (start !== '' && !first) return dynamicFlow(node, 'its condition')
  let proceeds = first === undefined || Number(first.data[0]) !== 0
  let carried: readonly string[] = initial
  const scanned: string[][] = body.outputs.slice(1 + initial.length).map(() => [])
  for (let i = 0; proceeds && i < limit; i++) {
    if (i === mostIterations) {
      throw new GraphError(
        'ROBENCH_NO_GRADIENT',
        `Loop "${node.name}" has more than ${mostIterations} iterations, too many to unroll`,
      )
    }
    const scope = openScope(body, `${prefixOf(node)}/${i}`)
    const [counter = '', condition = '', ...inner] = scope.inputs
    const constants = new Map<string, Tensor>([
      ...scope.initializers,
      [counter, int64([], [i])],
      [condition, tensor('bool', [], Uint8Array.of(1))],
    ])
    const copies = inner.flatMap((name, k) => copyOf(node, carried[k] ?? '', name))
    await importNodes([...copies, ...scope.nodes], constants)
    const next = await find(scope.outputs[0] ?? '')
    if (!next) return dynamicFlow(node, 'its condition')
    proceeds = Number(next.data[0]) !== 0
    carried = scope.outputs.slice(1, 1 + initial.length)
    const results = scope.outputs.slice(1 + initial.length)
    results.forEach((name, k) => scanned[k]!.push(name))
  }
  const copies = carried.flatMap((name, k) => copyOf(node, name, node.outputs[k] ?? ''))
  const stacks = scanned.flatMap((names, k) =>
    stack(node, names, node.outputs[initial.length + k] ?? ''),
  )
  await importNodes([...copies, ...stacks], new Map([[axesName(node), int64([1], [0])]]))
  return undefined
}

/** The graph of an attribute with names that occur nowhere else. */
function openScope(
  graph: OnnxSubgraph,
  prefix: string,
): {
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly nodes: readonly OnnxNode[]
  readonly initializers: ReadonlyMap<string, Tensor>
} {
  const own = new Set(graph.inputs.map(({ name }) => name))
  for (const name of graph.initializers.keys()) own.add(name)
  for (const { outputs } of graph.nodes) for (const name of outputs) own.add(name)
  const rename = (name: string): string => (own.has(name) ? `${prefix}/${name}` : name)
  return {
    inputs: graph.inputs.map(({ name }) => rename(name)),
    outputs: graph.outputs.map(({ name }) => rename(name)),
    nodes: graph.nodes.map((node) => renameNode(node, rename)),
    initializers: new Map(Array.from(graph.initializers, ([name, item]) => [rename(name), item])),
  }
}

function bodyOf(node: OnnxNode, key: string): OnnxSubgraph {
  const attribute = node.attributes[key]
  if (attribute?.type === 'graph') return attribute.value
  throw new GraphError('ROBENCH_GRAPH', `${node.op} "${node.name}" has no graph "${key}"`)
}

function prefixOf(node: OnnxNode): string {
  return node.outputs.find((name) => name !== '') ?? node.name
}

/** A node that gives a tensor another name; none if either is omitted. */
function copyOf(of: OnnxNode, from: string, to: string): OnnxNode[] {
  if (from === '' || to === '') return []
  return [plain(of, 'Identity', [from], to)]
}

/** The results of all iterations along a new first axis. */
function stack(of: OnnxNode, names: readonly string[], to: string): OnnxNode[] {
  if (to === '' || names.length === 0) return []
  const rows = names.map((name) => plain(of, 'Unsqueeze', [name, axesName(of)], `${name}/row`))
  return [
    ...rows,
    {
      ...plain(
        of,
        'Concat',
        rows.map(({ outputs }) => outputs[0]!),
        to,
      ),
      attributes: { axis: { type: 'int', value: 0 } },
    },
  ]
}

function axesName(node: OnnxNode): string {
  return `${prefixOf(node)}/axes`
}

function plain(of: OnnxNode, op: string, inputs: readonly string[], output: string): OnnxNode {
  return { name: of.name, op, domain: '', inputs, outputs: [output], attributes: {} }
}
