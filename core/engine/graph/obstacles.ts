/** What stands in the way of an import: all of it, in one error. */
import { GraphError } from '../../base/errors.ts'
import type { OnnxNode } from '../onnx/graph.ts'
import { describe } from './operator-call.ts'
import { qualifiedName } from './operator-name.ts'
import { refusedOperators } from './refused-operators.ts'

/** A node that cannot be imported. */
export interface Obstacle {
  readonly node: OnnxNode
  /** `operator`: there is no rule for it at all. `use`: this use of it is not supported. */
  readonly kind: 'operator' | 'use'
  /** For `use`: operator, node, and reason. */
  readonly reason: string
  readonly code: GraphError['code']
  /** What the user can do. */
  readonly advice?: string
}

/** The end of all messages. */
const remaining = 'black-box attacks, which need no gradient, still work'

/** Other ways to export that often help, by the domain of the operator. */
const adviceByDomain: Readonly<Record<string, string>> = {
  'com.microsoft': "use the file from before onnxruntime's optimizer",
  'com.microsoft.nchwc': "use the file from before onnxruntime's optimizer",
  'org.pytorch.aten': 'export it again with torch.onnx.export(..., dynamo=False)',
}

/** Operators without a rule. */
export function missingOperator(node: OnnxNode): Obstacle {
  const advice = adviceByDomain[node.domain]
  const exporterOwn = node.domain.startsWith('pkg.')
    ? 'export it again with torch.onnx.export(..., dynamo=False)'
    : undefined
  const found = advice ?? exporterOwn
  return {
    node,
    kind: 'operator',
    reason: '',
    code: 'ROBENCH_NO_GRADIENT',
    ...(found !== undefined && { advice: found }),
  }
}

/** An operator in a set for which there is no rule. */
export function unsupportedSet(
  node: OnnxNode,
  set: number,
  [first, last]: readonly [number, number],
): Obstacle {
  const target = set < first ? Math.max(first, 17) : last
  return {
    node,
    kind: 'use',
    reason:
      `${describeNode(node)} is in operator set ${set}, ` +
      `but robench supports sets ${first} to ${last}`,
    code: 'ROBENCH_NO_GRADIENT',
    advice: `convert the model (onnx.version_converter), or export it again with opset_version=${target}`,
  }
}

/** A use of an operator that failed. */
export function failedUse(node: OnnxNode, error: GraphError): Obstacle {
  const computed = error.message.includes('must be known before the run')
  return {
    node,
    kind: 'use',
    reason: error.message,
    code: error.code,
    ...(computed && {
      advice: 'export it again with a fixed image size and do_constant_folding=True',
    }),
  }
}

/** Control flow that depends on the images. */
export function dynamicFlow(node: OnnxNode, what: string): Obstacle {
  return {
    node,
    kind: 'use',
    reason: `${describeNode(node)}: ${what} depends on the values of the input`,
    code: 'ROBENCH_NO_GRADIENT',
    advice: 'export the model by tracing, without torch.jit.script',
  }
}

/** One error for all obstacles of a model. */
export function obstaclesError(obstacles: readonly Obstacle[], name: string): GraphError {
  const operators = obstacles.filter(({ kind }) => kind === 'operator')
  const uses = obstacles.filter(({ kind }) => kind === 'use')
  const parts = uses.slice(0, shown).map(({ reason }) => reason)
  if (uses.length > shown) parts.push(`and ${uses.length - shown} more nodes`)
  if (operators.length > 0) parts.unshift(describeOperators(operators))
  const advice = [...new Set(obstacles.flatMap((item) => item.advice ?? []))]
  const [first] = obstacles
  const code = obstacles.find((item) => item.code === 'ROBENCH_NO_GRADIENT')?.code ?? first!.code
  // The caller adds the remaining attacks to errors of other kinds.
  const ending = code === 'ROBENCH_NO_GRADIENT' ? [remaining] : []
  return new GraphError(code, `${name}: ${[...parts, ...advice, ...ending].join('; ')}`, {
    details: {
      op: qualifiedName(first!.node),
      node: first!.node.name,
      operators: [...new Set(obstacles.map(({ node }) => qualifiedName(node)))],
    },
  })
}

/** Nodes that are described one by one. */
const shown = 5

function describeOperators(obstacles: readonly Obstacle[]): string {
  const byName = new Map<string, OnnxNode[]>()
  for (const { node } of obstacles) {
    const name = qualifiedName(node)
    byName.set(name, [...(byName.get(name) ?? []), node])
  }
  const described = Array.from(byName.values(), ([node, ...others]) => {
    const more = others.length > 0 ? ` (${others.length + 1} nodes)` : ''
    const reason = refusedOperators.get(qualifiedName(node!))
    return `${describeNode(node!)}${more}${reason === undefined ? '' : ` (${reason})`}`
  })
  const what = described.length === 1 ? 'the operator' : `${described.length} operators:`
  return `robench cannot differentiate ${what} ${described.join(', ')}`
}

/** Operator and node; the first output names a node without a name. */
export function describeNode(node: OnnxNode): string {
  return describe({ op: qualifiedName(node), name: node.name || (node.outputs[0] ?? '') })
}
