/** Writes stochastic models as ONNX files. */
import { writeOnnx, type OnnxNode } from '../onnx/file.ts'
import type { Distribution } from './random-operators.ts'
import { toGraph } from './serialize.ts'
import { topologicalOrder, type Value } from './value.ts'

/** Random numbers in an expression, drawn anew in each pass of the file. */
export interface RandomInput {
  /** A placeholder in the shape of the images, made with `input(name, dtype, shape)`. */
  readonly value: Value
  readonly distribution: Distribution
}

/**
 * Writes an expression of one input and random numbers as an ONNX file. Operators
 * `RandomNormalLike` and `RandomUniformLike` draw the numbers, one for each element of the input.
 * Placeholders that the outputs do not use are omitted. In onnxruntime the numbers are new in each
 * run; `loadModel` draws them per example.
 * @param tensors as in `toOnnx`
 */
export function toStochasticOnnx(
  outputs: Readonly<Record<string, Value>>,
  images: Value,
  random: readonly RandomInput[],
  tensors: Readonly<Record<string, Value>> = {},
): Uint8Array {
  const used = new Set(topologicalOrder(Object.values(outputs)))
  const drawn = random.filter(({ value }) => used.has(value.node))
  const graph = toGraph(outputs, [images, ...drawn.map(({ value }) => value)], tensors)
  const draws = drawn.map((input) => drawNode(input, images.node.name))
  return writeOnnx({
    ...graph,
    inputs: graph.inputs.slice(0, 1),
    values: [...(graph.values ?? []), ...graph.inputs.slice(1)],
    nodes: [...draws, ...graph.nodes],
  })
}

function drawNode({ value, distribution }: RandomInput, like: string): OnnxNode {
  const { kind, ...parameters } = distribution
  return {
    name: `draw/${value.node.name}`,
    op: kind === 'normal' ? 'RandomNormalLike' : 'RandomUniformLike',
    domain: '',
    inputs: [like],
    outputs: [value.node.name],
    attributes: Object.fromEntries(
      Object.entries(parameters).map(([name, number]) => [name, { type: 'float', value: number }]),
    ),
  }
}
