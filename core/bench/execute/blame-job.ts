/** In a worker with third-party plugins: names the code that a failed job's error comes from. */
import type { ErrorRecord } from '../../base/errors.ts'
import { blamePlugin } from '../../plugin/blame.ts'
import { foldersOfModule } from '../../plugin/module-file.ts'
import { attackOfJob } from './job.ts'
import type { Job } from './job.ts'
import type { WorkerScope } from './worker-cache.ts'

/** The error of a job as data, with package, file, and line if a third-party plugin caused it. */
export async function blameJob(
  thrown: unknown,
  job: Job,
  scope: WorkerScope,
): Promise<ErrorRecord> {
  const { plugins } = job.setting
  const folders = scope.content.plugins
    .filter(({ name }) => plugins.includes(name))
    .flatMap(({ url }) => foldersOfModule(url))
  const { name, code } = await pluginOf(job, scope).catch(() => ({
    name: undefined,
    code: undefined,
  }))
  return blamePlugin(thrown, { package: name ?? plugins.join(', '), folders, code })
}

/** The package and the function of the plugin that the job calls. */
async function pluginOf(
  job: Job,
  scope: WorkerScope,
): Promise<{ readonly name: string | undefined; readonly code: unknown }> {
  const registry = await scope.registry()
  if (job.kind === 'prepare') {
    const { prepare } = await registry.get('defense', job.plugin)
    return { name: registry.packageOf('defense', job.plugin), code: prepare }
  }
  const id = attackOfJob(job)
  if (id === undefined) return { name: undefined, code: undefined }
  const { run } = await registry.get('attack', id)
  const name = registry.packageOf('attack', id)
  // A built-in attack that wraps a third-party one.
  return name === 'robench' ? { name: undefined, code: undefined } : { name, code: run }
}
