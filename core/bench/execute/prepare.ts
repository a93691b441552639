/** In a worker: lets a defense make its model, and puts the model into the cache. */
import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { storeError } from '../../base/atomic-file.ts'
import { PluginError, RobenchError } from '../../base/errors.ts'
import { hashBytes, hashJson } from '../../base/hash.ts'
import { shown } from '../../base/schema.ts'
import type { Dataset } from '../../data/dataset.ts'
import { writeModelFile } from '../../model/model-files.ts'
import type { DefensePlugin, DefenseResult, NetworkPlugin } from '../../plugin/contract.ts'
import { resolveOptions } from '../../plugin/options.ts'
import type { PluginRegistry } from '../../plugin/registry.ts'
import { modelFolder } from '../plan/resolve.ts'
import type { PreparedModel, PrepareJob } from './job.ts'
import type { WorkerScope } from './worker-cache.ts'

/** @throws PluginError ROBENCH_PLUGIN_FAILED or ROBENCH_PLUGIN_CONTRACT, or an engine error */
export async function prepareModel(job: PrepareJob, scope: WorkerScope): Promise<PreparedModel> {
  const registry = await scope.registry()
  const defense = await registry.get('defense', job.plugin)
  const dataset = await scope.dataset('test')
  const checkpointFolder = join(modelFolder(job.cacheKey ?? ''), 'checkpoints')
  if (defense.meta.trains) {
    await mkdir(resolve(checkpointFolder), { recursive: true }).catch((cause: unknown) => {
      throw storeError(checkpointFolder, cause)
    })
  }
  scope.send({ robench: 'began' })
  const result = await callDefense(job, { defense, registry, dataset, checkpointFolder }, scope)
  const { model, manifest, training } = result
  const sha256 = hashBytes(model)
  const cacheKey = job.cacheKey ?? hashJson({ sha256, manifest })
  const card = { sha256, manifest, ...(training ? { training } : {}) }
  await writeModelFile(modelFolder(cacheKey), model, card)
  await rm(checkpointFolder, { recursive: true, force: true })
  return { cacheKey }
}

interface Preparation {
  readonly defense: DefensePlugin<never>
  readonly registry: PluginRegistry
  readonly dataset: Dataset
  readonly checkpointFolder: string
}

async function callDefense(
  { plugin, options, seed, threatModel, setting }: PrepareJob,
  { defense, registry, dataset, checkpointFolder }: Preparation,
  scope: WorkerScope,
): Promise<DefenseResult> {
  const { id, shape, classNames } = dataset
  try {
    const result = await defense.prepare({
      // resolveOptions has checked the options against this plugin's own schema.
      options: options as never,
      seed,
      threatModel,
      dataset: { id, shape, classNames },
      loadTrain: () => scope.dataset('train'),
      network: async (networkId, given) => {
        const network: NetworkPlugin<never> = await registry.get('network', networkId)
        const resolved = resolveOptions(network.meta, given, `network "${networkId}"`)
        return network.define({
          inputShape: shape,
          classes: classNames.length,
          options: resolved as never,
        })
      },
      resolvePath: (path) => resolve(scope.content.suiteFolder, path),
      checkpointFolder,
      threads: setting.threads,
      signal: scope.signal,
      progress: (training) => scope.send({ robench: 'training', training }),
    })
    checkResult(plugin, result)
    return result
  } catch (cause) {
    if (cause instanceof RobenchError) throw cause
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new PluginError(
      'ROBENCH_PLUGIN_FAILED',
      `defense "${plugin}" failed to make its model: ${message}`,
      { details: { pluginId: plugin }, cause },
    )
  }
}

function checkResult(pluginId: string, result: unknown): void {
  const isRecord = typeof result === 'object' && result !== null
  const model: unknown = isRecord ? Reflect.get(result, 'model') : undefined
  const manifest: unknown = isRecord ? Reflect.get(result, 'manifest') : undefined
  if (model instanceof Uint8Array && typeof manifest === 'object' && manifest !== null) return
  throw new PluginError(
    'ROBENCH_PLUGIN_CONTRACT',
    `defense "${pluginId}" must return { model: Uint8Array, manifest }, got ${
      isRecord ? `keys ${Object.keys(result).join(', ') || 'none'}` : shown(result)
    }`,
    { details: { pluginId } },
  )
}
