/** The table of operators is complete and consistent. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { packageRoot } from '../../../../core/base/paths.ts'
import { operators } from '../../../../core/engine/graph/ops/index.ts'

/** The operators of CNNs, losses and training. */
const needed = `
  Add Sub Mul Div Neg Exp Log Sqrt Pow Abs Sign Min Max Clip Where Greater Less Equal Not
  Cast Relu LeakyRelu Sigmoid Tanh Softmax LogSoftmax Conv ConvTranspose MaxPool
  AveragePool GlobalAveragePool BatchNormalization Gemm MatMul ReduceSum ReduceMean
  ReduceMax Reshape Flatten Transpose Squeeze Unsqueeze Concat Split Slice Pad Gather
  Expand Identity Dropout ConstantOfShape Shape
`
  .trim()
  .split(/\s+/)

test.each(needed)('%s is supported and has a derivative rule', (op) => {
  expect(operators.get(op)?.vjp).toBeDefined()
})

describe.each([...operators])('%s', (name, record) => {
  test('is listed under its own name and has samples', () => {
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

test('no operator is declared twice', async () => {
  const directory = join(packageRoot(), 'core/engine/graph/ops')
  const declared: string[] = []
  for (const file of readdirSync(directory)) {
    const exports: Record<string, unknown> = await import(join(directory, file))
    for (const item of Object.values(exports)) {
      if (typeof item === 'object' && item !== null && 'infer' in item && 'op' in item) {
        declared.push(String(item.op))
      }
    }
  }
  expect(declared.toSorted()).toEqual([...operators.keys()].toSorted())
})
