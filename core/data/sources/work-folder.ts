/** A folder for the files of one step, on the same disk as the data. */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writing } from '../disk-error.ts'
import type { PullContext } from '../published.ts'

/** Makes a folder inside the data set's folder for `action`, and removes it whatever happens. */
export async function inWorkFolder(
  context: PullContext,
  action: (work: string) => Promise<void>,
): Promise<void> {
  const work = await writing(context.folder, () => mkdtemp(join(context.folder, '.work-')))
  try {
    await action(work)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
