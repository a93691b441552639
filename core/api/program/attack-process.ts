/** Attacks of plugin packages on the models and examples of a program, in processes of their own. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fromErrorRecord } from '../../base/errors.ts'
import { hashBytes } from '../../base/hash.ts'
import type { attackShard } from '../../bench/execute/evaluate-shard.ts'
import type { UnitJob } from '../../bench/execute/job.ts'
import { WorkerPool } from '../../bench/execute/pool.ts'
import { unitId } from '../../bench/plan/cell.ts'
import type { AttackCell } from '../../bench/plan/cell.ts'
import { softwareIdentity } from '../../bench/plan/software.ts'
import { readPoints, unitPointsFile } from '../../bench/store/adversarials.ts'
import type { Dataset } from '../../data/dataset.ts'
import { packDataset } from '../../data/packed.ts'
import type { Model } from '../../model/model.ts'
import type { ModelManifest } from '../../model/manifest.ts'
import { chooseDevice } from '../../machine/choose-device.ts'
import type { PluginLocation } from '../../plugin/load.ts'

/** A loaded model with what another process needs to load it. */
export interface ModelSourceFile {
  readonly model: Model
  readonly name: string
  readonly bytes: Uint8Array
  readonly manifest: ModelManifest
}

/** What a process gets. */
export interface AttackProcessRequest {
  readonly plugins: readonly PluginLocation[]
  readonly dataset: Dataset
  /** The model under attack, and surrogates. */
  readonly models: readonly ModelSourceFile[]
  readonly device?: string
  readonly threads?: number
}

/** Runs attacks in other processes. */
export interface AttackProcess {
  /** As `attackShard`, for an attack of one of the packages, or one that wraps such an attack. */
  readonly attackShard: typeof attackShard
  /** Stops the process and deletes its files. */
  close(): Promise<void>
}

/** `evaluate` has no time limit; a process that makes no progress is stopped. */
const timeLimitMs = 1e12

/** Writes models and examples to a temporary directory, for a pool of one process. */
export async function openAttackProcess(request: AttackProcessRequest): Promise<AttackProcess> {
  const { plugins, dataset, models, threads = 1 } = request
  const { device } = await chooseDevice(request.device ?? 'cpu')
  const folder = await mkdtemp(join(tmpdir(), 'robench-attack-'))
  const test = join(folder, 'test')
  await writeFile(test, packDataset(dataset))
  await mkdir(dirname(unitPointsFile(folder, 'any')), { recursive: true })
  const files: Record<string, string> = {}
  const references = new Map<Model, UnitJob['model']>()
  for (const { model, name: label, bytes, manifest } of models) {
    const sha256 = hashBytes(bytes)
    files[sha256] = join(folder, `${sha256}.onnx`)
    await writeFile(files[sha256], bytes)
    references.set(model, { sha256, label, manifest })
  }
  const pool = new WorkerPool({
    workers: 1,
    content: {
      plugins,
      dataset: { id: dataset.id },
      packed: { test },
      suiteFolder: process.cwd(),
      resultsFolder: folder,
      models: files,
    },
  })
  const data = { id: dataset.id, sha256: dataset.hash }
  const setting = { plugins: plugins.map(({ name }) => name), dataset: data, device, threads }
  return {
    async attackShard({ model, shard, batchSize, draws, signal, progress }, attack) {
      const { chosen, surrogates = [], clean, threatModel, curve, seed } = attack
      const { id, version } = chosen.plugin.meta
      const cell: AttackCell = {
        kind: 'attack',
        software: softwareIdentity(),
        device,
        defense: { plugin: 'onnx-model', version: 1, options: {}, model: model.hash },
        dataset: data,
        examples: dataset.count,
        ...(draws !== undefined && { draws }),
        threatModel,
        ...(curve && { curve }),
        attack: { plugin: id, version, options: chosen.options },
        surrogates: surrogates.map(({ hash }) => hash),
        seed,
      }
      const unit = { id: unitId(cell, shard), cell, shard }
      const outcome = await pool.submit(
        {
          kind: 'unit',
          setting,
          unit,
          model: references.get(model)!,
          surrogates: surrogates.map((other) => references.get(other)!),
          batchSize,
          timeLimitMs,
          clean,
          saveAdversarial: true,
        },
        { timeLimitMs, label: `attack "${id}"`, signal },
        { message: (sent) => sent.robench === 'examples' && progress?.(sent.done) },
      )
      if (outcome.state === 'failed') throw fromErrorRecord(outcome.error)
      const { points, transform } = await readPoints(unitPointsFile(folder, unit.id))
      return { outcome: outcome.value, adversarial: points, ...(transform && { transform }) }
    },
    async close() {
      await pool.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
