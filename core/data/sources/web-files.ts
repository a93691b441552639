/** A source that publishes each file at its own URL. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { download } from '../download.ts'
import type { DataSource, PullContext } from '../published.ts'

/** Files below `base`, which ends in a slash. */
export function webFiles(base: string): DataSource {
  return {
    title: base,
    async provide(context) {
      for (const file of context.needed) {
        await downloadAndCheck(`${base}${file.name}`, `${file.name}.part`, context, (path) =>
          context.keep(file, path),
        )
      }
    },
  }
}

/**
 * Downloads to `name` in the data set's directory and passes the file to `check`. If the check
 * fails after a resumed download, downloads the whole file again: the earlier part may belong to
 * another version.
 */
export async function downloadAndCheck(
  url: string,
  name: string,
  context: PullContext,
  check: (path: string) => Promise<void>,
): Promise<void> {
  const path = join(context.folder, name)
  const fetchWhole = (): Promise<{ readonly resumed: boolean }> =>
    download({
      url,
      path,
      signal: context.signal,
      onProgress: (done, total) =>
        context.report({ step: url, done, ...(total === undefined ? {} : { total }) }),
    })
  const { resumed } = await fetchWhole()
  try {
    await check(path)
  } catch (error) {
    await rm(path, { force: true })
    if (!resumed) throw error
    await fetchWhole()
    try {
      await check(path)
    } finally {
      await rm(path, { force: true })
    }
  }
}
