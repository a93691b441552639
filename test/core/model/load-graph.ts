/** Loads graphs as models, and frees them after each test. */
import { afterEach } from 'vitest'
import { writeOnnx } from '../../../core/engine/onnx/file.ts'
import type { OnnxGraph } from '../../../core/engine/onnx/file.ts'
import { loadModel } from '../../../core/model/load.ts'
import type { LoadModelOptions } from '../../../core/model/load.ts'
import { plainManifest } from '../../../core/model/manifest.ts'
import type { ModelManifest } from '../../../core/model/manifest.ts'

type Loaded = Awaited<ReturnType<typeof loadModel>>

const opened: Loaded[] = []
afterEach(async () => {
  for (const model of opened.splice(0)) await model.dispose()
})

/** The graph as a model that is named `m.onnx` in messages. */
export async function load(
  graph: OnnxGraph,
  manifest: Partial<ModelManifest> = {},
  options: LoadModelOptions = {},
): Promise<Loaded> {
  return loadBytes(writeOnnx(graph), manifest, options)
}

/** The file as a model that is named `m.onnx` in messages. */
export async function loadBytes(
  bytes: Uint8Array,
  manifest: Partial<ModelManifest> = {},
  options: LoadModelOptions = {},
): Promise<Loaded> {
  const named = { name: 'm.onnx', ...options }
  const model = await loadModel(bytes, { ...plainManifest, ...manifest }, named)
  opened.push(model)
  return model
}
