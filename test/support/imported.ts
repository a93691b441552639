/** Compares an imported graph with its file. */
import { expect } from 'vitest'
import { gradient } from '../../core/engine/graph/gradient.ts'
import { importGraph } from '../../core/engine/graph/import.ts'
import { Session } from '../../core/engine/graph/session.ts'
import { readOnnx, writeOnnx } from '../../core/engine/onnx/file.ts'
import { onnxGraph, randomTensor, type GraphParts } from './onnx-file.ts'

/** Runs the file and the imported graph with two batch sizes, and differentiates it. */
export async function expectSame(parts: GraphParts): Promise<void> {
  const bytes = writeOnnx(onnxGraph(parts))
  const file = await Session.load(bytes, {}, 'the file')
  const imported = await importGraph(readOnnx(bytes, 'm.onnx'), { name: 'm.onnx' })
  const [x, y] = [imported.inputs[0]!, imported.outputs['y']!]
  const [slope] = gradient(y, [x])
  const session = await Session.compile({ y, slope: slope! }, [x], {}, 'as read')
  for (const batch of [1, 3]) {
    const feed = randomTensor(
      parts.input.map((dim) => (typeof dim === 'number' ? dim : batch)),
      'x',
    )
    const expected = (await file.run({ x: feed }))['y']!
    const actual = await session.run({ x: feed })
    expect(actual['y']!.shape).toEqual(expected.shape)
    // The same operators, possibly with other kernels: a few float32 units in the last place.
    expect(actual['y']!.data as Float32Array).toBeAllclose(expected.data as Float32Array, {
      rtol: 1e-5,
      atol: 1e-6,
    })
    expect(actual['slope']!.shape).toEqual(feed.shape)
  }
  await file.release()
  await session.release()
}
