/** In a worker: lets a defense make its model, and puts the model into the cache. */
import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { makeFolder } from '../../base/make-folder.ts'
import { storeError } from '../../base/atomic-file.ts'
import { hashJson } from '../../base/hash.ts'
import { cachedModelPath, writeModelFile } from '../../model/model-files.ts'
import { modelFolder } from '../plan/resolve.ts'
import type { PreparedModel, PrepareJob } from './job.ts'
import { makeModel } from './make-model.ts'
import type { WorkerScope } from './worker-cache.ts'

/** @throws PluginError ROBENCH_PLUGIN_FAILED or ROBENCH_PLUGIN_CONTRACT, or an engine error */
export async function prepareModel(job: PrepareJob, scope: WorkerScope): Promise<PreparedModel> {
  const { options, seed, threatModel, setting } = job
  const registry = await scope.registry()
  const defense = await registry.get('defense', job.plugin)
  const dataset = await scope.dataset('test')
  const checkpointFolder = join(modelFolder(job.cacheKey ?? ''), 'checkpoints')
  if (defense.meta.trains) {
    await makeFolder(checkpointFolder).catch((cause: unknown) => {
      throw storeError(checkpointFolder, cause)
    })
  }
  scope.send({ robench: 'began' })
  const { bytes, card } = await makeModel({
    defense,
    options,
    seed,
    threatModel,
    dataset,
    loadTrain: () => scope.dataset('train'),
    registry,
    resolvePath: (path) => resolve(scope.content.suiteFolder, path),
    checkpointFolder,
    threads: setting.threads,
    device: setting.device,
    signal: scope.signal,
    progress: (training) => scope.send({ robench: 'training', training }),
  })
  const { sha256, manifest } = card
  const cacheKey = job.cacheKey ?? hashJson({ sha256, manifest })
  await writeModelFile(cachedModelPath(modelFolder(cacheKey)), bytes, card)
  await rm(checkpointFolder, { recursive: true, force: true })
  return { cacheKey }
}
