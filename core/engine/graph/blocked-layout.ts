/** Whether onnxruntime has its blocked layout on this machine. */
import { ort } from './onnxruntime.ts'
import { writeOnnx } from '../onnx/file.ts'
import { blockedDomain } from './blocked-operators.ts'

let detected: Promise<number> | undefined

/**
 * Channels per block of the CPU's blocked layout (16 with AVX-512, 8 with AVX2), or 0 if
 * onnxruntime has none here. Determined once per process.
 */
export function blockOfLayout(): Promise<number> {
  detected ??= detect().catch(() => 0)
  return detected
}

/** Reorders `[1, 16, 1, 2]`, where the position of each element shows the size of blocks. */
async function detect(): Promise<number> {
  const shape = [1, 16, 1, 2]
  const bytes = writeOnnx({
    opset: 18,
    domains: [blockedDomain],
    inputs: [{ name: 'x', dtype: 'float32', shape }],
    outputs: [{ name: 'y', dtype: 'float32', shape }],
    initializers: new Map(),
    nodes: [
      {
        name: 'reorder',
        op: 'ReorderInput',
        domain: blockedDomain,
        inputs: ['x'],
        outputs: ['y'],
        attributes: {},
      },
    ],
  })
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 4 })
  const x = Float32Array.from({ length: 32 }, (_, i) => i)
  const { y } = await session.run({ x: new ort.Tensor('float32', x, shape) })
  await session.release()
  const order = [...(y!.data as Float32Array)]
  return [8, 16].find((block) => order.every((value, i) => value === source(i, block))) ?? 0
}

/** The element of `[1, 16, 1, 2]` at place i of the layout. */
function source(i: number, block: number): number {
  const channel = Math.floor(i / (2 * block)) * block + (i % block)
  return 2 * channel + (Math.floor(i / block) % 2)
}
