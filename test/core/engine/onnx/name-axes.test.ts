/** Axes without a name get one in large files, and nothing else of the file changes. */
import { expect, test } from 'vitest'
import { readOnnx, writeOnnx, type OnnxGraph } from '../../../../core/engine/onnx/file.ts'
import { nameAxes } from '../../../../core/engine/onnx/name-axes.ts'
import { node, onnxGraph } from '../../../support/onnx-file.ts'

function chain(length: number, batch: string | null): { bytes: Uint8Array; graph: OnnxGraph } {
  const nodes = Array.from({ length }, (_, i) =>
    node('Relu', i === 0 ? 'x' : `r${i - 1}`, i === length - 1 ? 'y' : `r${i}`),
  )
  const graph = onnxGraph({ nodes, input: [1, 3] })
  const inputs = [{ name: 'x', dtype: 'float32' as const, shape: [batch, 3] }]
  const bytes = writeOnnx({ ...graph, inputs })
  return { bytes, graph: readOnnx(bytes, 'chain') }
}

test('the axis of a large file is named', () => {
  const { bytes, graph: before } = chain(600, null)
  expect(before.inputs[0]!.shape).toEqual([null, 3])
  const after = readOnnx(nameAxes(bytes, before), 'named')
  expect(after.inputs[0]!.shape).toEqual(['axis_0_0', 3])
  expect({ ...after, inputs: before.inputs }).toEqual(before)
})

test.each([
  ['few nodes', 10, null],
  ['a name', 600, 'n'],
] as const)('a file with %s stays as it is', (_, length, batch) => {
  const { bytes, graph } = chain(length, batch)
  expect(nameAxes(bytes, graph)).toBe(bytes)
})
