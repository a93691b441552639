/** Operators of com.microsoft that are standard operators under another name. */
import { defineFunction, int, type OpRecord, type SampleInput } from '../operator.ts'
import { axisOf, inputOf, numbersIn } from '../operator-call.ts'
import type { AttributeSpec } from '../operator-call.ts'

const scalar = (value: number, dtype: 'int32' | 'int64'): SampleInput => ({
  shape: [],
  dtype,
  values: [value],
  constant: true,
})

export const ContribTrilu = alias('Trilu', { upper: int(1) }, [[3, 4]])
export const ContribGatherND = alias('GatherND', {}, [
  [2, 3],
  { shape: [2, 1], dtype: 'int64', values: [1, 0] },
])

/** Inserts an axis of size 1. */
export const ExpandDims = defineFunction({
  op: 'com.microsoft.ExpandDims',
  attributes: {},
  body: (g, call) => {
    const x = inputOf(call, 0)
    const [axis] = numbersIn(call, 1, 'the axis') as [number]
    return [g.unsqueeze(x, [axisOf(call, axis, x.shape.length + 1)])]
  },
  samples: [{ inputs: [[2, 3], scalar(1, 'int32')] }],
})

function alias(
  op: string,
  attributes: Readonly<Record<string, AttributeSpec>>,
  inputs: OpRecord['samples'][number]['inputs'],
): OpRecord {
  return defineFunction({
    op: `com.microsoft.${op}`,
    attributes,
    body: (g, call) => g.op(op, call.inputs, call.attributes),
    samples: [{ inputs }],
  })
}
