/** Files that onnxruntime saved after its optimizations have the gradient of the original. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { blockOfLayout } from '../../../../core/engine/graph/blocked-layout.ts'
import { gradient } from '../../../../core/engine/graph/gradient.ts'
import { importGraph } from '../../../../core/engine/graph/import.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import { unblock } from '../../../../core/engine/graph/unblock.ts'
import { readOnnx, writeOnnx, type OnnxGraph } from '../../../../core/engine/onnx/file.ts'
import { float32, type Tensor } from '../../../../core/engine/tensor/tensor.ts'
import {
  float,
  int,
  ints,
  node,
  onnxGraph,
  randomTensor,
  text,
} from '../../../support/onnx-file.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'robench-unblock-'))
})
afterAll(() => rm(folder, { recursive: true }))

const pads = ints(1, 1, 1, 1)
/** Blocks with few channels, a sum, a depthwise kernel, channels that fill no block, and pools. */
const original = onnxGraph({
  opset: 17,
  input: ['n', 3, 8, 8],
  nodes: [
    node('Conv', 'x stem bias', 'a', { pads }),
    node('Relu', 'a', 'b'),
    node('Conv', 'b wide', 'c', { pads }),
    node('Add', 'c b', 'd'),
    node('Relu', 'd', 'e'),
    node('MaxPool', 'e', 'f', { kernel_shape: ints(2, 2), strides: ints(2, 2) }),
    node('Conv', 'f depth', 'g', { pads, group: int(16) }),
    node('LeakyRelu', 'g', 'h', { alpha: float(0.1) }),
    node('Conv', 'h thin', 'i'),
    node('Sigmoid', 'i', 'j'),
    node('Resize', 'j _ scales', 'k', {
      mode: text('nearest'),
      nearest_mode: text('floor'),
      coordinate_transformation_mode: text('asymmetric'),
    }),
    node('Conv', 'k last', 'l', { strides: ints(2, 2) }),
    node('GlobalAveragePool', 'l', 'm'),
    node('Flatten', 'm', 'y'),
  ],
  initializers: {
    stem: randomTensor([16, 3, 3, 3], 'stem'),
    bias: randomTensor([16], 'bias'),
    wide: randomTensor([16, 16, 3, 3], 'wide'),
    depth: randomTensor([16, 1, 3, 3], 'depth'),
    thin: randomTensor([24, 16, 1, 1], 'thin'),
    scales: float32([4], [1, 1, 2, 2]),
    last: randomTensor([20, 24, 3, 3], 'last'),
  },
})

async function optimized(level: 'basic' | 'extended' | 'layout' | 'all'): Promise<OnnxGraph> {
  const file = join(folder, `${level}.onnx`)
  const session = await ort.InferenceSession.create(writeOnnx(original), {
    optimizedModelFilePath: file,
    graphOptimizationLevel: level,
    logSeverityLevel: 3,
  })
  await session.release()
  return readOnnx(await readFile(file), level)
}

async function outputs(graph: OnnxGraph): Promise<Record<string, Tensor>> {
  const imported = await importGraph(await unblock(graph), { name: 'm.onnx' })
  const [x, y] = [imported.inputs[0]!, imported.outputs['y']!]
  const session = await Session.compile({ y, dx: gradient(y, [x])[0]! }, [x])
  const results = await session.run({ x: randomTensor([2, 3, 8, 8], 'x') })
  await session.release()
  return results
}

test.each(['basic', 'extended', 'layout', 'all'] as const)('level %s', async (level) => {
  const graph = await optimized(level)
  const domains = new Set(graph.nodes.map(({ domain }) => domain))
  expect(domains.has('com.microsoft')).toBe(level === 'extended')
  const isBlocked = (await blockOfLayout()) > 0 && (level === 'layout' || level === 'all')
  expect(domains.has('com.microsoft.nchwc')).toBe(isBlocked)
  const [expected, actual] = [await outputs(original), await outputs(graph)]
  for (const name of ['y', 'dx']) {
    expect(actual[name]!.shape).toEqual(expected[name]!.shape)
    expect(actual[name]!.data as Float32Array).toBeAllclose(expected[name]!.data as Float32Array, {
      rtol: 1e-4,
      atol: 1e-5,
    })
  }
})
