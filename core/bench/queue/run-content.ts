/** What the jobs of a run need, as other machines can get it: by hash. */
import { resolve } from 'node:path'
import { RunError } from '../../base/errors.ts'
import { hashBytes } from '../../base/hash.ts'
import type { Split } from '../../data/dataset.ts'
import { loadDataset } from '../../data/load.ts'
import { packDataset } from '../../data/packed.ts'
import { readOnnxFile } from '../../engine/onnx/external-data.ts'
import { identifyPackage } from '../../plugin/package-identity.ts'
import type { PackageIdentity } from '../../plugin/package-identity.ts'
import type { JobLimits, LocalContent } from '../execute/executor.ts'
import type { Job } from '../execute/job.ts'
import type { SoftwareIdentity } from '../plan/cell.ts'
import { softwareIdentity } from '../plan/software.ts'
import type { ArtifactFolder } from './artifacts.ts'
import { deviceKind } from '../../engine/graph/session-device.ts'
import type { QueuedJob } from './message.ts'

/** Where artifacts are put for workers. */
export interface ContentPlaces {
  readonly artifacts: ArtifactFolder
  readonly shared: ArtifactFolder | undefined
}

/** The content of one run. Data sets are packed once, when first needed. */
export class RunContent {
  readonly #content: LocalContent
  readonly #places: ContentPlaces
  readonly #packages: readonly PackageIdentity[]
  readonly #software: SoftwareIdentity
  readonly #packed = new Map<Split, Promise<string>>()
  readonly #offered = new Map<string, Promise<void>>()

  constructor(content: LocalContent, places: ContentPlaces) {
    this.#content = content
    this.#places = places
    this.#packages = content.plugins.map(identifyPackage)
    this.#software = softwareIdentity()
  }

  /** The job with all that a worker needs to know; its content is made available. */
  async queuedJob(job: Job, limits: JobLimits): Promise<QueuedJob> {
    if (job.kind === 'unit') {
      for (const { sha256 } of [job.model, ...(job.surrogates ?? [])])
        await this.#offerModel(sha256)
    }
    const { timeLimitMs, stallLimitMs, graceMs, restartOnProgress, label } = limits
    const { setting, ...rest } = job
    // The worker chooses its device and its threads.
    const plain = { ...setting, device: deviceKind(setting.device), threads: 1 }
    return {
      version: 1,
      label,
      job: { ...rest, setting: plain } as Job,
      limits: {
        timeLimitMs,
        label,
        ...(stallLimitMs !== undefined && { stallLimitMs }),
        ...(graceMs !== undefined && { graceMs }),
        ...(restartOnProgress !== undefined && { restartOnProgress }),
      },
      software: this.#software,
      packages: this.#packages,
      data: {
        test: await this.#pack('test'),
        ...(job.kind === 'prepare' && { train: await this.#pack('train') }),
      },
    }
  }

  #offerModel(sha256: string): Promise<void> {
    const known = this.#offered.get(sha256)
    if (known) return known
    const offer = async (): Promise<void> => {
      const path = this.#content.models[sha256]
      if (path === undefined) throw new RunError('ROBENCH_STORE', `model ${sha256} is not here`)
      // As one file: data beside the model become part of it.
      const bytes = await readOnnxFile(path)
      if (hashBytes(bytes) !== sha256) {
        throw new RunError('ROBENCH_STORE', `${path}: the file changed during the run; run again`)
      }
      await this.#places.artifacts.addBytes(bytes)
      await this.#places.shared?.addBytes(bytes)
    }
    const offered = offer()
    this.#offered.set(sha256, offered)
    return offered
  }

  #pack(split: Split): Promise<string> {
    const known = this.#packed.get(split)
    if (known) return known
    const pack = async (): Promise<string> => {
      const { dataset, suiteFolder } = this.#content
      const resolvePath = (path: string): string => resolve(suiteFolder, path)
      const bytes = packDataset(await loadDataset(dataset, { split, resolvePath }))
      const sha256 = await this.#places.artifacts.addBytes(bytes)
      await this.#places.shared?.addBytes(bytes)
      return sha256
    }
    const packed = pack()
    this.#packed.set(split, packed)
    return packed
  }
}
