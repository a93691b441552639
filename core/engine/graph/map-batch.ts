/** Applies an expression of a fixed batch to each part of a batch of any size. */
import { createNode, topologicalOrder, type Body, type Value } from './value.ts'

/**
 * `MapBatch`: the body applied to consecutive parts of the inputs along their first axis. It must
 * compute each row on its own, because the last part is filled up with copies of its last row.
 * Written as the operator `Scan`.
 * @param inputs one for each placeholder of the body, with the same first size
 * @param body its placeholders and outputs start with one fixed size, the batch
 */
export function mapBatch(inputs: readonly Value[], body: Body): readonly Value[] {
  const rows = inputs[0]!.shape[0]!
  const inferred = body.outputs.map(({ dtype, shape }) => ({
    dtype,
    shape: [rows, ...shape.slice(1)],
  }))
  return createNode('MapBatch', '', inputs, {}, inferred, { body }).outputs
}

/** The body with placeholders named `row0`, `row1`, …, which are unique. */
export function renamePlaceholders({ inputs, outputs }: Body): Body {
  const replaced = new Map<Value, Value>()
  const current = (value: Value): Value => replaced.get(value) ?? value
  inputs.forEach((input, i) => {
    const content = createNode('Input', `row${i}`, [], {}, [input])
    replaced.set(input, content.outputs[0]!)
  })
  for (const node of topologicalOrder(outputs)) {
    if (node.inputs.length === 0) continue
    const own = node.inputs.map((input) => input && current(input))
    if (own.every((input, i) => input === node.inputs[i])) continue
    const content = {
      ...(node.tensor && { tensor: node.tensor }),
      ...(node.body && { body: node.body }),
    }
    const copy = createNode(node.op, node.name, own, node.attributes, node.outputs, content)
    node.outputs.forEach((output, i) => replaced.set(output, copy.outputs[i]!))
  }
  return { inputs: inputs.map(current), outputs: outputs.map(current) }
}
