/** A source that is a local directory: the files, uncompressed or not, or archives of them. */
import { createReadStream, createWriteStream } from 'node:fs'
import { access, copyFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { ConfigError, RobenchError } from '../../base/errors.ts'
import { writing } from '../disk-error.ts'
import type { Archive, DataSource, PublishedFile, PullContext } from '../published.ts'

/** Options of `localFolder`. */
export interface LocalFolderOptions {
  readonly title?: string
  /** Archives to look for if a file is missing. */
  readonly archives?: readonly Archive[]
}

/**
 * The files in `folder` or in a direct subdirectory, as published or without `.gz`; otherwise an
 * archive in `folder`.
 */
export function localFolder(folder: string, options: LocalFolderOptions = {}): DataSource {
  const { title = folder, archives = [] } = options
  return {
    title,
    async provide(context) {
      const places = await foldersAt(folder)
      const missing: PublishedFile[] = []
      for (const file of context.needed) {
        const found = await findFile(places, file)
        if (found === undefined) missing.push(file)
        else await copy(found, file, context)
      }
      if (missing.length > 0) await unpackArchive(folder, archives, { ...context, needed: missing })
    },
  }
}

async function foldersAt(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    const below = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
    return [folder, ...below.sort().map((name) => join(folder, name))]
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reason = { ENOENT: 'no such directory', ENOTDIR: 'a file; give its directory' }[
      code ?? ''
    ]
    throw new ConfigError('ROBENCH_DATA', `${folder}: ${reason ?? message}`, { cause: error })
  }
}

async function findFile(
  places: readonly string[],
  file: PublishedFile,
): Promise<string | undefined> {
  for (const name of [file.name, file.name.replace(/\.gz$/, '')]) {
    for (const place of places) {
      const path = join(place, name)
      if (await exists(path)) return path
    }
  }
  return undefined
}

async function copy(found: string, file: PublishedFile, context: PullContext): Promise<void> {
  const target = join(context.folder, `${file.name}.part`)
  context.report({ step: `copy ${found}`, done: 0, total: file.bytes })
  const isUnpacked = file.name.endsWith('.gz') && !found.endsWith('.gz')
  await writing(target, () =>
    isUnpacked
      ? pipeline(createReadStream(found), createGzip(), createWriteStream(target))
      : copyFile(found, target),
  )
  await context.keep(file, target)
}

async function unpackArchive(
  folder: string,
  archives: readonly Archive[],
  context: PullContext,
): Promise<void> {
  for (const archive of archives) {
    const path = join(folder, archive.name)
    if (await exists(path)) return unpack(archive, path, context)
  }
  const names = context.needed.map(({ name }) => name).join(', ')
  const instead = archives.map(({ name }) => `, nor ${name}`).join('')
  throw new ConfigError('ROBENCH_DATA', `${folder}: contains no ${names}${instead}`)
}

async function unpack(archive: Archive, path: string, context: PullContext): Promise<void> {
  try {
    await archive.unpack(path, context)
  } catch (error) {
    if (error instanceof RobenchError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new ConfigError(
      'ROBENCH_DATA',
      `${path}: cannot be unpacked (${reason}): truncated or damaged`,
      { cause: error },
    )
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}
