/** Quantized files: how they are evaluated, and what the user should know about it. */
import { qualifiedName } from '../engine/graph/operator-name.ts'
import { operators } from '../engine/graph/ops/index.ts'
import type { OnnxGraph } from '../engine/onnx/file.ts'

/** Operators that take their scale from all examples of a batch. */
const dynamic = new Set(['DynamicQuantizeLinear', 'com.microsoft.DynamicQuantizeMatMul'])

/**
 * The largest difference of logits between a quantized file and its import, as a fraction of the
 * largest logit. onnxruntime replaces quantized operators by others that round at other places, so
 * that single values change by one step.
 */
export const quantizedTolerance = 0.05

/** Whether the file contains quantized operators. */
export function isQuantized(graph: OnnxGraph): boolean {
  return quantizedNames(graph).length > 0
}

/**
 * Whether a scale in the file depends on the whole batch. Such a file is evaluated one example at
 * a time, so that outcomes do not depend on the batch size.
 */
export function isQuantizedDynamically(graph: OnnxGraph): boolean {
  return quantizedNames(graph).some((name) => dynamic.has(name))
}

/** A remark on a quantized file. Undefined for others. */
export function remarkOnQuantization(graph: OnnxGraph): string | undefined {
  const names = quantizedNames(graph)
  if (names.length === 0) return undefined
  const kinds = [...new Set(names)].map((name) => name.slice(name.lastIndexOf('.') + 1)).toSorted()
  const listed = kinds.length > 4 ? [...kinds.slice(0, 4), '…'] : kinds
  const alone = isQuantizedDynamically(graph)
    ? '; its scales depend on the batch, so it is evaluated one example at a time'
    : ''
  return (
    `the file is quantized (${names.length} operators: ${listed.join(', ')})${alone}; ` +
    'logits are those of the file in onnxruntime, and gradients pass rounding as ' +
    'straight-through estimates'
  )
}

/** The quantized operators that images reach. Weights alone are dequantized once, exactly. */
function quantizedNames({ inputs, nodes }: OnnxGraph): string[] {
  const varying = new Set(inputs.map(({ name }) => name))
  const names: string[] = []
  for (const node of nodes) {
    if (!node.inputs.some((name) => varying.has(name))) continue
    for (const name of node.outputs) varying.add(name)
    const qualified = qualifiedName(node)
    if (operators.get(qualified)?.straightThrough) names.push(qualified)
  }
  return names
}
