/** The table of operators: complete, consistent, and each with what the main job needs. */
import { describe, expect, test } from 'vitest'
import { operators } from '../../../../core/engine/graph/ops/index.ts'

/** All that CNNs, losses and their training need. */
const needed = `
  Add Sub Mul Div Neg Exp Log Sqrt Pow Abs Sign Min Max Clip Where Greater Less Equal Not
  Cast Relu LeakyRelu Sigmoid Tanh Softmax LogSoftmax Conv ConvTranspose MaxPool
  AveragePool GlobalAveragePool BatchNormalization Gemm MatMul ReduceSum ReduceMean
  ReduceMax Reshape Flatten Transpose Squeeze Unsqueeze Concat Split Slice Pad Gather
  Expand Identity Dropout ConstantOfShape Shape
`
  .trim()
  .split(/\s+/)

test.each(needed)('%s is known and has a derivative rule', (op) => {
  expect(operators.get(op)?.vjp).toBeDefined()
})

describe.each([...operators])('%s', (name, record) => {
  test('stands under its own name and has samples', () => {
    expect(record.op).toBe(name)
    expect(record.samples.length).toBeGreaterThan(0)
  })
  test('samples use the attributes that it declares', () => {
    for (const { attributes = {} } of record.samples)
      expect(Object.keys(record.attributes)).toEqual(
        expect.arrayContaining(Object.keys(attributes)),
      )
  })
})
