/** Computes tensors that depend on no input, in onnxruntime. */
import { RobenchError } from '../../base/errors.ts'
import type { OnnxGraph } from '../onnx/graph.ts'
import { writeOnnx } from '../onnx/file.ts'
import { sortNodes } from '../onnx/sort-nodes.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { Session } from './session.ts'

/**
 * The values of tensors of a graph; undefined if onnxruntime cannot compute them.
 * @param graph its nodes in any order, and only the initializers that they need
 */
export async function evaluateNodes(
  graph: OnnxGraph,
  names: readonly string[],
): Promise<Record<string, Tensor> | undefined> {
  const outputs = names.map((name) => ({ name, dtype: null, shape: null }))
  try {
    const session = await Session.load(
      writeOnnx({ ...graph, inputs: [], outputs, nodes: sortNodes(graph), values: [] }),
    )
    try {
      return await session.run({})
    } finally {
      await session.release()
    }
  } catch (error) {
    if (error instanceof RobenchError) return undefined
    throw error
  }
}
