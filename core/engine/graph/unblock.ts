/** Files that onnxruntime saved in its blocked layout, as files in the plain layout. */
import { GraphError } from '../../base/errors.ts'
import type { OnnxAttribute, OnnxGraph, OnnxNode } from '../onnx/file.ts'
import { float32, sizeOf, type Tensor } from '../tensor/tensor.ts'
import { blockOfLayout } from './blocked-layout.ts'
import { blockedDomain } from './blocked-operators.ts'

/**
 * The graph with the operators of the blocked layout (`com.microsoft.nchwc`) replaced by those of
 * the plain layout, and their kernels in the plain order. Values that were blocked keep the
 * channels that fill the last block; they are zero.
 * @throws GraphError ROBENCH_NO_GRADIENT if onnxruntime has no such layout on this machine
 */
export async function unblock(graph: OnnxGraph): Promise<OnnxGraph> {
  if (!graph.nodes.some(({ domain }) => domain === blockedDomain)) return graph
  const block = await blockOfLayout()
  if (block === 0) {
    throw new GraphError(
      'ROBENCH_NO_GRADIENT',
      "the file is in the layout of another machine's processor; " +
        'save it with a lower level of optimization (ORT_ENABLE_EXTENDED)',
    )
  }
  return unblockWith(graph, block)
}

/** `unblock` for a given number of channels per block. */
export function unblockWith(graph: OnnxGraph, block: number): OnnxGraph {
  const initializers = new Map(graph.initializers)
  const nodes = graph.nodes.flatMap((node) =>
    node.domain === blockedDomain ? plainNodes(node, initializers, block) : [node],
  )
  const domains = [...new Set([...graph.domains, 'com.microsoft', 'robench'])]
  return { ...graph, initializers, nodes, domains }
}

function plainNodes(
  node: OnnxNode,
  initializers: Map<string, Tensor>,
  block: number,
): readonly OnnxNode[] {
  const standard = { ...node, domain: '' }
  switch (node.op) {
    case 'Conv':
      return [plainConvolution(node, initializers, block)]
    case 'Upsample':
      return [resize(standard, initializers)]
    case 'ReorderInput':
      return enter(node, block)
    case 'ReorderOutput':
      return exit(standard, initializers)
    default:
      // The pools.
      return [standard]
  }
}

function plainConvolution(
  node: OnnxNode,
  initializers: Map<string, Tensor>,
  block: number,
): OnnxNode {
  const [x, kernel, ...rest] = node.inputs
  const packed = initializers.get(kernel!)
  if (!(packed?.data instanceof Float32Array)) return node
  const name = `${kernel}/plain`
  initializers.set(name, float32(packed.shape, unpack(packed.data, packed.shape, block)))
  return { ...node, domain: 'com.microsoft', op: 'FusedConv', inputs: [x!, name, ...rest] }
}

/**
 * A kernel `[o, c, …]` from its blocked order: `[o / block, c / block, …, block of c, block of o]`,
 * or `[o / block, c, …, block]` for fewer channels than a block.
 */
function unpack(data: Float32Array, shape: readonly number[], block: number): Float32Array {
  const [out, inside, ...kernel] = shape as [number, number, ...number[]]
  const taps = sizeOf(kernel)
  const inner = inside % block === 0 ? block : 1
  const plain = new Float32Array(data.length)
  for (let o = 0; o < out; o++) {
    for (let c = 0; c < inside; c++) {
      const outer = Math.floor(o / block) * (inside / inner) + Math.floor(c / inner)
      // Kernels without blocks of channels store the taps of one channel after the other.
      for (let t = 0; t < taps; t++) {
        const at = ((outer * taps + t) * inner + (c % inner)) * block + (o % block)
        plain[(o * inside + c) * taps + t] = data[at]!
      }
    }
  }
  return plain
}

function resize(node: OnnxNode, initializers: Map<string, Tensor>): OnnxNode {
  const { scales, ...attributes } = node.attributes
  const factors = scales?.type === 'ints' || scales?.type === 'floats' ? scales.value : []
  const name = `${node.outputs[0]}/scales`
  initializers.set(name, float32([factors.length], factors))
  const floor: OnnxAttribute = { type: 'string', value: 'floor' }
  return {
    ...node,
    op: 'Resize',
    inputs: [node.inputs[0]!, '', name],
    attributes: { ...attributes, nearest_mode: floor },
  }
}

function enter(node: OnnxNode, block: number): OnnxNode[] {
  const [x] = node.inputs
  const channelsFirst = `${node.outputs[0]}/channels-first`
  const isLast = node.attributes['channels_last']?.value === 1
  const multiple: OnnxAttribute = { type: 'int', value: block }
  return [
    ...(isLast ? [transpose(node, x!, channelsFirst, [0, 3, 1, 2])] : []),
    {
      ...node,
      op: 'PadChannels',
      domain: 'robench',
      inputs: [isLast ? channelsFirst : x!],
      attributes: { multiple },
    },
  ]
}

function exit(node: OnnxNode, initializers: Map<string, Tensor>): OnnxNode[] {
  const [y] = node.outputs
  const [x] = node.inputs
  const isLast = node.attributes['channels_last']?.value === 1
  const count = node.attributes['channels']
  const names = ['starts', 'ends', 'axes'].map((part) => `${y}/${part}`)
  const values = [0, count?.type === 'int' ? count.value : 0, 1]
  names.forEach((name, i) =>
    initializers.set(name, {
      dtype: 'int64',
      shape: [1],
      data: BigInt64Array.of(BigInt(values[i]!)),
    }),
  )
  const target = isLast ? `${y}/channels-first` : y!
  const sliced: OnnxNode = {
    ...node,
    op: 'Slice',
    inputs: [x!, ...names],
    outputs: [target],
    attributes: {},
  }
  return isLast ? [sliced, transpose(node, target, y!, [0, 2, 3, 1])] : [sliced]
}

function transpose(
  node: OnnxNode,
  input: string,
  output: string,
  perm: readonly number[],
): OnnxNode {
  return {
    name: `${node.name}/transpose`,
    op: 'Transpose',
    domain: '',
    inputs: [input],
    outputs: [output],
    attributes: { perm: { type: 'ints', value: perm } },
  }
}
