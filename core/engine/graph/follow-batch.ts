/** Makes files with a fixed batch follow the batch of the images. */
import type { OnnxNode } from '../onnx/graph.ts'
import { divideDims, multiplyDims } from './dim.ts'
import { g } from './graph.ts'
import type { Value } from './value.ts'

/**
 * The inputs of a node whose target shapes and constants follow the batch. In Expand the leading
 * size becomes 1, which broadcasts; in Reshape it becomes −1, and a −1 elsewhere becomes its value
 * for one example. In Concat, parts of batch 1, such as class tokens, are repeated.
 * @param images an input whose first size is the batch
 * @param fixedBatch the batch of the file; undefined leaves all nodes as they are
 */
export function followBatch(
  { op, domain, attributes }: Pick<OnnxNode, 'op' | 'domain' | 'attributes'>,
  inputs: readonly (Value | null)[],
  images: Value | undefined,
  fixedBatch: number | undefined,
): readonly (Value | null)[] {
  if (fixedBatch === undefined || domain !== '' || images?.shape[0] !== 'n') return inputs
  if (op === 'Expand') return followInExpand(inputs, fixedBatch)
  if (op === 'Reshape') return followInReshape(inputs, fixedBatch)
  if (op === 'Concat' && fixedBatch === 1 && attributes['axis']?.value !== 0) {
    return followInConcat(inputs, images)
  }
  return inputs
}

function followInExpand(
  inputs: readonly (Value | null)[],
  fixedBatch: number,
): readonly (Value | null)[] {
  const [x, target] = inputs
  const numbers = numbersOf(target)
  if (!numbers || numbers[0] !== fixedBatch || x!.shape.length > numbers.length) return inputs
  return [x!, g.integers([1, ...numbers.slice(1)])]
}

function followInReshape(
  inputs: readonly (Value | null)[],
  fixedBatch: number,
): readonly (Value | null)[] {
  const [x, target] = inputs
  const numbers = numbersOf(target)
  const symbolic = x!.shape.some((dim) => typeof dim === 'string')
  if (!numbers || !symbolic) return inputs
  const isBatchKept = numbers[0] === 0 || (numbers[0] === -1 && numbers.length > 1)
  if (isBatchKept) return inputs
  const open = numbers.indexOf(-1)
  if (open > 0) {
    const factor = numbers[0]! / fixedBatch
    const others = numbers.filter((_, axis) => axis !== 0 && axis !== open)
    const rest = divideDims(multiplyDims(x!.shape), multiplyDims(['n', factor, ...others]))
    if (!Number.isInteger(factor) || typeof rest !== 'number' || others.includes(0)) return inputs
    return [x!, g.integers([-1, ...numbers.slice(1).map((size) => (size === -1 ? rest : size))])]
  }
  return [x!, g.integers([-1, ...numbers.slice(1)])]
}

function followInConcat(
  inputs: readonly (Value | null)[],
  images: Value,
): readonly (Value | null)[] {
  if (!inputs.some((part) => part?.shape[0] === 'n')) return inputs
  return inputs.map((part) => {
    if (!part || part.shape[0] !== 1) return part
    const [batch] = g.op('Shape', [images], { start: 0, end: 1 })
    const target = g.concat([batch!, g.integers(part.shape.slice(1).map(() => 1))], 0)
    return g.op('Expand', [part, target])[0]!
  })
}

/** Sizes without symbols. */
function numbersOf(target: Value | null | undefined): readonly number[] | undefined {
  const numbers = target?.contents?.filter((size) => typeof size === 'number')
  if (!numbers || numbers.length === 0 || numbers.length < target!.contents!.length)
    return undefined
  return numbers
}
