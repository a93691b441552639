/** What a worker keeps between jobs: plugins, data, and the models it used last. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { RunError } from '../../base/errors.ts'
import { canonicalJson } from '../../base/hash.ts'
import type { Dataset, Split } from '../../data/dataset.ts'
import { loadDataset } from '../../data/load.ts'
import { unpackDataset } from '../../data/packed.ts'
import { readOnnxFile } from '../../engine/onnx/external-data.ts'
import { loadModel } from '../../model/load.ts'
import type { Model } from '../../model/model.ts'
import { loadRegistry } from '../../plugin/load.ts'
import type { PluginRegistry } from '../../plugin/registry.ts'
import { SetupCache } from '../../plugin/setup-cache.ts'
import type { ModelReference } from '../plan/model-row.ts'
import type { LocalContent } from './executor.ts'
import type { JobSetting, WorkerMessage } from './job.ts'

/** What a job works with: its content, resolved on this machine. */
export interface WorkerScope {
  readonly content: LocalContent
  readonly signal: AbortSignal
  send(message: WorkerMessage): void
  /** The built-in plugins and those of the job's packages. */
  registry(): Promise<PluginRegistry>
  /** @throws RunError ROBENCH_STORE if the test split is not the one that the job names */
  dataset(split: Split): Promise<Dataset>
  /**
   * Loads a model, or returns one that is loaded.
   * @param hash of the file and of how it is read, as cells have it
   * @param capacity number of models that stay loaded, this one included
   * @throws RunError ROBENCH_STORE if the file is missing or has changed since the plan was made
   */
  model(reference: ModelReference, hash: string, capacity?: number): Promise<Model>
  /** What attacks set up for a cell; setups of other cells are dropped. */
  setup(cell: string): SetupCache
}

/** Models that stay loaded by default: their sessions hold native memory. */
const defaultCapacity = 2

/** Keeps what one job loaded for the next one. */
export class WorkerCache {
  readonly #registries = new Map<string, Promise<PluginRegistry>>()
  readonly #datasets = new Map<string, Promise<Dataset>>()
  readonly #models = new Map<string, Promise<Model>>()
  #setup: { readonly cell: string; readonly cache: SetupCache } | undefined

  /** The scope of one job. */
  open(
    setting: JobSetting,
    content: LocalContent,
    { signal, send }: Pick<WorkerScope, 'signal' | 'send'>,
  ): WorkerScope {
    return {
      content,
      signal,
      send,
      registry: () => this.#registry(setting, content),
      dataset: (split) => this.#dataset(setting, content, split),
      model: (reference, hash, capacity = defaultCapacity) =>
        this.#model(setting, content, { reference, hash, capacity }),
      setup: (cell) => {
        if (this.#setup?.cell !== cell) this.#setup = { cell, cache: new SetupCache() }
        return this.#setup.cache
      },
    }
  }

  #registry({ plugins }: JobSetting, content: LocalContent): Promise<PluginRegistry> {
    const locations = plugins.map((name) => {
      const found = content.plugins.find((location) => location.name === name)
      if (found) return found
      throw unavailable(`plugin package "${name}"`)
    })
    return remember(this.#registries, canonicalJson(locations), () => loadRegistry(locations))
  }

  async #dataset(
    { dataset: { id, sha256 } }: JobSetting,
    { dataset: reference, packed, suiteFolder }: LocalContent,
    split: Split,
  ): Promise<Dataset> {
    const file = packed?.[split]
    const key = canonicalJson(file === undefined ? [reference, suiteFolder, split] : [file])
    const dataset = await remember(this.#datasets, key, async () =>
      file === undefined
        ? loadDataset(reference, { split, resolvePath: (path) => resolve(suiteFolder, path) })
        : unpackDataset(new Uint8Array(await readFile(file)), file),
    )
    if (split === 'test' && dataset.hash !== sha256) {
      throw new RunError('ROBENCH_STORE', `data set "${id}" changed during the run; run again`)
    }
    return dataset
  }

  async #model(
    setting: JobSetting,
    content: LocalContent,
    wanted: {
      readonly reference: ModelReference
      readonly hash: string
      readonly capacity: number
    },
  ): Promise<Model> {
    const { device, threads } = setting
    const { reference, hash, capacity } = wanted
    const key = canonicalJson([hash, device, threads])
    const loaded = this.#models.get(key)
    if (loaded) {
      // Moves it to the end: the model that was used least recently is dropped first.
      this.#models.delete(key)
      this.#models.set(key, loaded)
      return loaded
    }
    for (const [oldKey, old] of this.#models) {
      if (this.#models.size < capacity) break
      this.#models.delete(oldKey)
      await (await old).dispose()
    }
    return remember(this.#models, key, async () => {
      const { sha256, label, manifest } = reference
      const path = content.models[sha256]
      if (path === undefined) throw unavailable(`model ${label} (sha256 ${sha256})`)
      const { shape: inputShape, classNames } = await this.#dataset(setting, content, 'test')
      const classes = classNames.length
      const options = { device, threads, name: label, inputShape, classes }
      const model = await loadModel(await readOnnxFile(path), manifest, options)
      if (model.hash === hash) return model
      await model.dispose()
      throw new RunError('ROBENCH_STORE', `${path}: the file changed during the run; run again`)
    })
  }
}

function unavailable(what: string): RunError {
  return new RunError('ROBENCH_STORE', `${what} is not available to this worker`)
}

/** One value per key. A failure is not remembered. */
function remember<T>(
  known: Map<string, Promise<T>>,
  key: string,
  make: () => Promise<T>,
): Promise<T> {
  const found = known.get(key)
  if (found) return found
  const made = make()
  known.set(key, made)
  made.catch(() => known.delete(key))
  return made
}
