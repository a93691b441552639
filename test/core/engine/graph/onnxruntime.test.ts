/** onnxruntime writes nothing outside the results. Runs the built package in a process of its own. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { writeOnnx, type OnnxGraph } from '../../../../core/engine/onnx/file.ts'
import { float32 } from '../../../../core/engine/tensor/tensor.ts'
import { node, onnxGraph, text } from '../../../support/onnx-file.ts'

const root = fileURLToPath(new URL('../../../../', import.meta.url))

/** Loads a file through a module of the package, and runs it, on an image [1, 1, 1, 2]. */
const program = `
const [, module, bytes] = process.argv
const { Session } = await import(module)
const session = await Session.load(new Uint8Array(Buffer.from(bytes, 'base64')))
const x = { dtype: 'float32', shape: [1, 1, 1, 2], data: Float32Array.of(-1, 1) }
console.log((await session.run({ x })).y.data.join())
await session.release()
`

/** What the program prints for a graph. */
async function runGraph(
  graph: OnnxGraph,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const model = Buffer.from(writeOnnx(graph)).toString('base64')
  return promisify(execFile)(
    process.execPath,
    ['--input-type=module', '-e', program, join(root, 'dist/core/engine/graph/session.js'), model],
    { env: environment },
  )
}

test('a program that runs a model writes nothing to its home and cache folders', async () => {
  const home = await mkdtemp(join(tmpdir(), 'robench-home-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  const graph = onnxGraph({ input: ['n', 1, 1, 2], nodes: [node('Relu', 'x', 'y')] })
  const { ORT_DISABLE_TELEMETRY: _, ...environment } = process.env
  const own = { ...environment, HOME: home, XDG_CACHE_HOME: join(home, 'cache') }
  expect((await runGraph(graph, own)).stdout).toBe('0,1\n')
  expect(await readdir(home)).toEqual([])
})

test('warnings of kernels of onnxruntime are not printed', async () => {
  const resize = node('Resize', 'x _ scales', 'y', {
    mode: text('nearest'),
    coordinate_transformation_mode: text('tf_half_pixel_for_nn'),
  })
  const scales = float32([4], [1, 1, 1, 2])
  const graph = onnxGraph({
    opset: 13,
    input: [1, 1, 1, 2],
    nodes: [resize],
    initializers: { scales },
  })
  expect(await runGraph(graph)).toEqual({ stdout: '-1,1,1,1\n', stderr: '' })
})

test('only one module imports onnxruntime-node, the one that turns its telemetry off', async () => {
  const found: string[] = []
  for (const folder of ['core', 'plugins', 'reports', 'leaderboard', 'cli']) {
    for (const file of await readdir(join(root, folder), { recursive: true })) {
      if (!file.endsWith('.ts')) continue
      const text = await readFile(join(root, folder, file), 'utf8')
      if (text.includes("from 'onnxruntime-node'")) found.push(`${folder}/${file}`)
    }
  }
  expect(found).toEqual(['core/engine/graph/onnxruntime.ts'])
})
