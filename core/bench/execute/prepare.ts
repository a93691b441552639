/** In a worker: lets a defense make its model, and puts it into the cache. */
import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { PluginError, RobenchError } from '../../base/errors.ts'
import { hashBytes, hashJson } from '../../base/hash.ts'
import type { DefenseResult, NetworkPlugin, PluginOptions } from '../../plugin/contract.ts'
import { resolveOptions } from '../../plugin/options.ts'
import { shown } from '../../base/schema.ts'
import { storeError } from '../../base/atomic-file.ts'
import { writeModelFile } from '../../model/model-files.ts'
import type { PreparedModel, PrepareJob } from './job.ts'
import type { WorkerScope } from './worker-cache.ts'

/** @throws PluginError ROBENCH_PLUGIN_FAILED or ROBENCH_PLUGIN_CONTRACT, or what the engine says */
export async function prepareModel(task: PrepareJob, scope: WorkerScope): Promise<PreparedModel> {
  const { setting } = task
  const registry = await scope.cache.registry(setting)
  const defense = await registry.get('defense', task.plugin)
  const dataset = await scope.cache.dataset(setting, 'test')
  const checkpointFolder = join(task.modelFolder, 'checkpoints')
  if (defense.meta.trains) {
    await mkdir(resolve(checkpointFolder), { recursive: true }).catch((cause: unknown) => {
      throw storeError(checkpointFolder, cause)
    })
  }
  scope.send({ robench: 'began' })
  let answer: DefenseResult
  try {
    answer = await defense.prepare({
      // resolveOptions has checked the options against this plugin's own schema.
      options: task.options as never,
      seed: task.seed,
      threatModel: task.threatModel,
      dataset: { id: dataset.id, shape: dataset.shape, classNames: dataset.classNames },
      loadTrain: () => scope.cache.dataset(setting, 'train'),
      network: async (id, options) => {
        const network: NetworkPlugin<never> = await registry.get('network', id)
        const resolved: PluginOptions = resolveOptions(network.meta, options, `network "${id}"`)
        return network.define({
          inputShape: dataset.shape,
          classes: dataset.classNames.length,
          options: resolved as never,
        })
      },
      resolvePath: (path) => resolve(setting.folder, path),
      checkpointFolder,
      threads: setting.threads,
      signal: scope.signal,
      progress: (training) => scope.send({ robench: 'training', training }),
    })
  } catch (cause) {
    if (cause instanceof RobenchError) throw cause
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new PluginError(
      'ROBENCH_PLUGIN_FAILED',
      `defense "${task.plugin}" failed to make its model: ${message}`,
      { details: { pluginId: task.plugin }, cause },
    )
  }
  checkAnswer(task.plugin, answer)
  const { model, manifest, training } = answer
  const sha256 = hashBytes(model)
  const folder = defense.meta.trains
    ? task.modelFolder
    : join(task.modelFolder, hashJson({ sha256, manifest }))
  await writeModelFile(folder, model, { sha256, manifest, ...(training ? { training } : {}) })
  await rm(checkpointFolder, { recursive: true, force: true })
  return { folder }
}

function checkAnswer(pluginId: string, answer: unknown): void {
  const isRecord = typeof answer === 'object' && answer !== null
  const model: unknown = isRecord ? Reflect.get(answer, 'model') : undefined
  const manifest: unknown = isRecord ? Reflect.get(answer, 'manifest') : undefined
  if (model instanceof Uint8Array && typeof manifest === 'object' && manifest !== null) return
  throw new PluginError(
    'ROBENCH_PLUGIN_CONTRACT',
    `defense "${pluginId}" must return { model: Uint8Array, manifest }, got ${
      isRecord ? `keys ${Object.keys(answer).join(', ') || 'none'}` : shown(answer)
    }`,
    { details: { pluginId } },
  )
}
