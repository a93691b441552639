/** In a worker: checks that a job can run on this machine, and gets its content. */
import { join } from 'node:path'
import { RunError } from '../../base/errors.ts'
import { locatePlugins } from '../../plugin/load.ts'
import type { PluginLocation } from '../../plugin/load.ts'
import { identifyPackage } from '../../plugin/package-identity.ts'
import type { PackageIdentity } from '../../plugin/package-identity.ts'
import type { LocalContent } from '../execute/executor.ts'
import type { SoftwareIdentity } from '../plan/cell.ts'
import { softwareIdentity } from '../plan/software.ts'
import { findArtifact } from './artifact-source.ts'
import type { ArtifactPlaces } from './artifact-source.ts'
import type { QueuedJob } from './message.ts'

/**
 * Where this machine has the content of a job.
 * @param scratch directory for adversarial examples
 * @param isSigned whether a key proves who wrote the job; otherwise it may name no file
 * @throws RobenchError with the reason for which the job cannot run here
 */
export async function workerContent(
  { job, software, packages, data }: QueuedJob,
  places: ArtifactPlaces,
  scratch: string,
  isSigned: boolean,
): Promise<LocalContent> {
  requireSoftware(software)
  const { dataset } = job.setting
  const what = `data set "${dataset.id}"`
  const { train } = data
  const models: Record<string, string> = {}
  if (job.kind === 'unit') {
    for (const { sha256, label } of [job.model, ...(job.surrogates ?? [])]) {
      models[sha256] = await findArtifact(sha256, `model ${label}`, places)
    }
  }
  return {
    plugins: locateSame(packages, isSigned),
    dataset: { id: dataset.id },
    packed: {
      test: await findArtifact(data.test, what, places),
      ...(train !== undefined && { train: await findArtifact(train, what, places) }),
    },
    // Jobs that read files of the suite's directory run on the coordinator.
    suiteFolder: join(scratch, 'suite'),
    resultsFolder: scratch,
    models,
  }
}

/** Units of different versions are never joined. */
function requireSoftware(wanted: SoftwareIdentity): void {
  const own = softwareIdentity()
  if (own.robench === wanted.robench && own.onnxruntime === wanted.onnxruntime) return
  throw new RunError(
    'ROBENCH_QUEUE',
    `it needs robench ${wanted.robench} with onnxruntime ${wanted.onnxruntime}; this worker has ` +
      `${own.robench} with ${own.onnxruntime}`,
  )
}

/** Names of npm packages. */
const packageName = /^(?:@[\w.~-]+\/)?[A-Za-z0-9_~-][\w.~-]*$/

/** The plugin packages of this machine, which must be the same code as those of the run. */
function locateSame(packages: readonly PackageIdentity[], isSigned: boolean): PluginLocation[] {
  return packages.map((wanted) => {
    let location: PluginLocation
    // A path would let whoever reaches the broker choose a file of this machine to run.
    if (!isSigned && !packageName.test(wanted.name)) {
      throw new RunError(
        'ROBENCH_QUEUE',
        `"${wanted.name}" is not the name of a package; only a job that is signed with ` +
          'ROBENCH_QUEUE_KEY may name a path',
      )
    }
    try {
      ;[location] = locatePlugins([wanted.name], [process.cwd()], 'worker') as [PluginLocation]
    } catch (cause) {
      const message = `plugin package "${wanted.name}" is not installed here`
      throw new RunError('ROBENCH_QUEUE', message, { cause })
    }
    const own = identifyPackage(location)
    if (own.integrity === wanted.integrity) return location
    throw new RunError(
      'ROBENCH_QUEUE',
      `plugin package "${wanted.name}" is version ${own.version} here, with other code than ` +
        `version ${wanted.version} of the run`,
    )
  })
}
