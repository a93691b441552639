/** Refuses files in which the logits of an image depend on the other images of its batch. */
import { significant } from '../base/figures.ts'
import type { Dim } from '../engine/graph/dim.ts'
import { pruneGraph } from '../engine/graph/fold-constants.ts'
import { describe } from '../engine/graph/operator-call.ts'
import { isRandom } from '../engine/graph/random-operators.ts'
import { topologicalOrder, type Node, type Value } from '../engine/graph/value.ts'
import type { OnnxGraph, OnnxNode } from '../engine/onnx/file.ts'
import { namesRead } from '../engine/onnx/subgraphs.ts'
import { sliceRows, type FloatTensor } from '../engine/tensor/tensor.ts'
import { invalidFile } from './file-description.ts'
import type { FileRunner } from './file-runner.ts'

const cure = 'call model.eval() before exporting'

/** The largest difference of logits, as a fraction of the largest logit: rounding only. */
const tolerance = 1e-3

/**
 * Refuses batch normalization in training mode: it normalizes by the statistics of the batch.
 * @param graph as read, with only the nodes that the logits need
 * @throws GraphError ROBENCH_MODEL_FILE that names the node
 */
export function refuseTrainingMode(graph: OnnxGraph, name: string): void {
  // Standardized weights are computed by such a node, too, but from constants.
  const varying = new Set(graph.inputs.map((input) => input.name))
  const trained = graph.nodes.find((node) => {
    if (!namesRead(node).some((tensor) => varying.has(tensor))) return false
    for (const tensor of node.outputs) varying.add(tensor)
    const { op, domain, attributes } = node
    return domain === '' && op === 'BatchNormalization' && attributes['training_mode']?.value === 1
  })
  if (!trained) return
  const [dropout] = trainingDropouts(graph)
  const also = dropout ? `, and so is ${describeNode(dropout)}` : ''
  throw invalidFile(
    name,
    `${describeNode(trained)} is in training mode (training_mode = 1)${also}: ` +
      `the logits of an image depend on the other images of its batch; ${cure}`,
  )
}

/** Why a file is random, and what to do if it should not be. */
export function explainRandomness(
  graph: OnnxGraph,
  output: string,
): { readonly cause: string; readonly cure: string } {
  const needed = pruneGraph(graph, [output])
  const [dropout] = trainingDropouts(needed)
  if (dropout) return { cause: `${describeNode(dropout)} is in training mode`, cure }
  const random = needed.nodes.find(isRandom)
  const what = random ? describeNode(random) : 'the model'
  return { cause: `${what} draws random numbers`, cure: 'export the model without it' }
}

/** A remark on dropout that is still on: the file draws random numbers. Undefined without. */
export function remarkOnDropout(graph: OnnxGraph): string | undefined {
  const dropouts = trainingDropouts(graph)
  if (dropouts.length === 0) return undefined
  const others = dropouts.length > 1 ? ` (and ${dropouts.length - 1} more)` : ''
  return (
    `${describeNode(dropouts[0]!)}${others} is in training mode, so the model is random; ` +
    `if that is not part of the defense, ${cure}`
  )
}

/**
 * Refuses reductions and softmaxes over the batch axis.
 * @param logits of the imported file, with a symbolic batch
 * @param graph the file, which may have a node of another operator under the same name
 * @throws GraphError ROBENCH_MODEL_FILE that names the node
 */
export function refuseBatchReductions(
  logits: Value,
  images: Value,
  graph: OnnxGraph,
  name: string,
): void {
  const varying = new Set<Node>([images.node])
  for (const node of topologicalOrder([logits])) {
    if (!node.inputs.some((input) => input && varying.has(input.node))) continue
    varying.add(node)
    if (reducedDims(node).some((dim) => typeof dim === 'string')) {
      const own = graph.nodes.find(
        (item) => node.name !== '' && (item.name || item.outputs[0]) === node.name,
      )
      throw mixed(name, `${own ? describeNode(own) : describe(node)} computes over the batch axis`)
    }
  }
}

/**
 * Compares the file's logits of images alone and in one batch. Random files are not compared.
 * @param images `[n, c, h, w]` with different statistics
 * @param together the file's logits of the batch
 * @throws GraphError ROBENCH_MODEL_FILE where they differ by more than rounding
 */
export async function checkBatchIndependence(
  runner: FileRunner,
  images: FloatTensor,
  together: FloatTensor,
  graph: OnnxGraph,
  name: string,
): Promise<void> {
  if (runner.file.fixedBatch === 1 || graph.nodes.some(isRandom)) return
  let largest = 0
  for (const logit of together.data) largest = Math.max(largest, Math.abs(logit))
  let worst = 0
  for (let i = 0; i < images.shape[0]!; i++) {
    const alone = await runner.logits(sliceRows(images, i, i + 1))
    const row = sliceRows(together, i, i + 1).data
    alone.data.forEach((logit, k) => (worst = Math.max(worst, Math.abs(logit - row[k]!))))
  }
  // Logits that are not finite are rejected when they are used.
  if (!(worst > tolerance * largest) || !Number.isFinite(largest)) return
  const dynamic = graph.nodes.find(({ op }) => op === 'DynamicQuantizeLinear')
  const cause = dynamic
    ? `${describeNode(dynamic)} takes its scale from the whole batch`
    : `the logits of an image change by ${significant(worst)} with the other images of its batch`
  throw mixed(name, cause)
}

function mixed(name: string, cause: string): Error {
  return invalidFile(
    name,
    `${cause}, so outcomes would depend on the batch size; ${cure}, ` +
      'or export a model that computes each example on its own',
  )
}

/** The sizes of the axes over which a node reduces or normalizes. */
function reducedDims({ op, inputs, attributes }: Node): readonly Dim[] {
  const shape = inputs[0]?.shape ?? []
  const at = (axis: Dim): Dim[] => {
    const size = typeof axis === 'number' ? shape.at(axis) : undefined
    return size === undefined ? [] : [size]
  }
  if (op.startsWith('Reduce')) {
    const axes = inputs[1]?.contents
    if (axes && axes.length > 0) return axes.flatMap(at)
    return attributes['noop_with_empty_axes'] === 1 ? [] : shape
  }
  const { axis } = attributes
  if (op === 'Softmax' || op === 'LogSoftmax') return at(typeof axis === 'number' ? axis : -1)
  if (op === 'CumSum') return inputs[1]?.contents?.flatMap(at) ?? []
  if (op === 'ArgMax') return at(typeof axis === 'number' ? axis : 0)
  return []
}

/** Each image with another contrast: around the mean of all, by 1, 1/4, and 1/2. */
export function withContrasts(images: FloatTensor): FloatTensor {
  const [count = 1] = images.shape
  const row = images.data.length / count
  const middle = images.data.reduce((sum, value) => sum + value, 0) / images.data.length
  const contrasts = [1, 0.25, 0.5]
  const data = images.data.map(
    (value, i) => middle + contrasts[Math.floor(i / row) % contrasts.length]! * (value - middle),
  )
  return { dtype: 'float32', shape: images.shape, data }
}

/** Dropout whose input `training_mode` is true. */
function trainingDropouts(graph: OnnxGraph): OnnxNode[] {
  const constants = new Map(graph.initializers)
  for (const { op, outputs, attributes } of graph.nodes) {
    const { value } = attributes
    if (op === 'Constant' && value?.type === 'tensor') constants.set(outputs[0]!, value.value)
  }
  return graph.nodes.filter(
    ({ op, domain, inputs }) =>
      domain === '' && op === 'Dropout' && Number(constants.get(inputs[2] ?? '')?.data[0] ?? 0) > 0,
  )
}

function describeNode({ op, name, outputs }: OnnxNode): string {
  return describe({ op, name: name || (outputs[0] ?? '') })
}
