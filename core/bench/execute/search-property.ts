/** In a worker: lets an attack search a counterexample of a property. */
import { readOnnxFile } from '../../engine/onnx/external-data.ts'
import { loadModel } from '../../model/load.ts'
import { searchCase } from '../property/falsify.ts'
import { parseVnnlib } from '../property/vnnlib.ts'
import type { PropertyJob } from './job.ts'
import type { WorkerScope } from './worker-cache.ts'

/** @throws RobenchError from the model, the plugin, or the host */
export async function searchProperty(
  { setting, model: { sha256, label, manifest }, property, at, attack, seed }: PropertyJob,
  scope: WorkerScope,
): Promise<readonly number[]> {
  const registry = await scope.registry()
  const { device, threads } = setting
  const bytes = await readOnnxFile(scope.content.models[sha256]!)
  const model = await loadModel(bytes, manifest, { name: label, device, threads })
  scope.send({ robench: 'began' })
  try {
    const { signal } = scope
    const oneCase = parseVnnlib(property, 'the property').cases[at]!
    return [...(await searchCase(oneCase, attack, { model, registry, seed, signal }))]
  } finally {
    await model.dispose()
  }
}
