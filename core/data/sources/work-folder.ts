/** A temporary directory for one step, on the same disk as the data. */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writing } from '../disk-error.ts'
import type { PullContext } from '../published.ts'

/** Creates a directory inside the data set's for `action`, and always removes it afterwards. */
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
