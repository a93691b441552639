/** What a device leaves to the processor. */
import { GraphError } from '../base/errors.ts'
import { sumBy } from '../base/sum.ts'
import { nodesByProvider, type NodeCounts } from '../engine/graph/node-placement.ts'
import { computesInHalf, usesProcessor, withoutPrecision } from '../engine/graph/session-device.ts'
import { float32, int64, sizeOf } from '../engine/tensor/tensor.ts'
import type { ClassifierModel } from './classifier.ts'
import { crossEntropy } from './losses.ts'

/** The provider of the processor in onnxruntime. */
const processor = 'CPUExecutionProvider'

/** How many operators a remark names. */
const mostOperators = 6

/**
 * Sentences about nodes of a gradient pass that the provider of a device leaves to the processor;
 * none on the processor itself, and for models without a gradient or with random numbers.
 */
export async function placementRemarks(
  model: ClassifierModel,
  device: string,
): Promise<readonly string[]> {
  if (usesProcessor(device) || model.stochastic || model.expression instanceof GraphError) return []
  let pass
  try {
    pass = model.gradientExpression(crossEntropy)
  } catch (error) {
    if (error instanceof GraphError) return []
    throw error
  }
  const [images, labels] = pass.inputs
  const shape = [1, ...model.inputShape]
  const feeds = {
    [images.node.name]: float32(shape, new Float32Array(sizeOf(shape))),
    [labels.node.name]: int64([1], [0]),
  }
  const placed = await nodesByProvider({ ...pass.outputs }, [images, labels], feeds, {
    device: withoutPrecision(device),
    half: computesInHalf(device),
  })
  return describePlacement(placed, device)
}

/** The sentence, if there are nodes on the processor. */
export function describePlacement(
  placed: ReadonlyMap<string, NodeCounts>,
  device: string,
): readonly string[] {
  const left = placed.get(processor)
  if (!left) return []
  const totalOf = (counts: NodeCounts): number => sumBy([...counts.values()], (count) => count)
  const all = sumBy([...placed.values()], totalOf)
  const operators = [...left].toSorted(([, a], [, b]) => b - a)
  const named = operators.slice(0, mostOperators).map(([op, count]) => `${op} ${count}`)
  const more = operators.length > mostOperators ? ', …' : ''
  return [
    `${device} leaves ${totalOf(left)} of the ${all} nodes of a gradient pass to the processor ` +
      `(${named.join(', ')}${more})`,
  ]
}
