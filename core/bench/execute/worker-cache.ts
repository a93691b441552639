/** What a worker keeps between tasks: plugins, data, and the models it used last. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { loadDataset } from '../../data/load.ts'
import type { Dataset, Split } from '../../data/dataset.ts'
import { RunError } from '../../base/errors.ts'
import { canonicalJson } from '../../base/hash.ts'
import { loadModel } from '../../model/load.ts'
import type { Model } from '../../model/model.ts'
import { SetupCache } from '../../plugin/setup-cache.ts'
import { loadRegistry } from '../../plugin/load.ts'
import type { PluginRegistry } from '../../plugin/registry.ts'
import type { ModelLocation, WorkerMessage, WorkerSetting } from './job.ts'

/** What the work in a worker is given beside its task. */
export interface WorkerScope {
  readonly cache: WorkerCache
  readonly signal: AbortSignal
  send(message: WorkerMessage): void
}

/** Models kept loaded: their sessions hold native memory. */
const modelsKept = 2

export class WorkerCache {
  readonly #registries = new Map<string, Promise<PluginRegistry>>()
  readonly #datasets = new Map<string, Promise<Dataset>>()
  readonly #models = new Map<string, Promise<Model>>()
  #learned: { readonly cell: string; readonly learned: SetupCache } | undefined

  /** What the attack of a cell has learned; that of another cell is forgotten. */
  learned(cell: string): SetupCache {
    if (this.#learned?.cell !== cell) this.#learned = { cell, learned: new SetupCache() }
    return this.#learned.learned
  }

  registry(setting: WorkerSetting): Promise<PluginRegistry> {
    return remember(this.#registries, canonicalJson(setting.plugins), () =>
      loadRegistry(setting.plugins),
    )
  }

  dataset(setting: WorkerSetting, split: Split): Promise<Dataset> {
    const key = canonicalJson([setting.dataset, setting.folder, split])
    return remember(this.#datasets, key, () =>
      loadDataset(setting.dataset, {
        split,
        resolvePath: (path) => resolve(setting.folder, path),
      }),
    )
  }

  /**
   * The model of that hash.
   * @param kept how many models stay loaded, this one among them: as many as a task works with
   * @throws RunError ROBENCH_STORE if the file has changed since the plan was made
   */
  async model(
    setting: WorkerSetting,
    location: ModelLocation,
    hash: string,
    kept = modelsKept,
  ): Promise<Model> {
    const { device, threads } = setting
    const key = canonicalJson([hash, device, threads])
    const known = this.#models.get(key)
    if (known) {
      // Last used, last to go.
      this.#models.delete(key)
      this.#models.set(key, known)
      return known
    }
    for (const [oldKey, old] of this.#models) {
      if (this.#models.size < kept) break
      this.#models.delete(oldKey)
      await (await old).dispose()
    }
    return remember(this.#models, key, async () => {
      const { path, label, manifest } = location
      const { shape: inputShape } = await this.dataset(setting, 'test')
      const options = { device, threads, name: label, inputShape }
      const bytes = new Uint8Array(await readFile(path))
      const model = await loadModel(bytes, manifest, options)
      if (model.hash === hash) return model
      await model.dispose()
      throw new RunError(
        'ROBENCH_STORE',
        `${path}: the file has changed while the run was going on; run again`,
      )
    })
  }
}

/** One value per key; a failure is not remembered. */
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
