/** A source that publishes all files in one archive. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { ConfigError } from '../../base/errors.ts'
import type { Archive, DataSource, Digest } from '../published.ts'
import { downloadAndCheck } from './web-files.ts'

/** The archive at `url`, verified with `digest` before it is unpacked. */
export function webArchive(url: string, digest: Digest, archive: Archive): DataSource {
  return {
    title: url,
    async provide(context) {
      await downloadAndCheck(url, `${archive.name}.part`, context, async (path) => {
        const hash = createHash(digest.algorithm)
        await pipeline(createReadStream(path), hash)
        const got = hash.digest('hex')
        if (got !== digest.value) {
          throw new ConfigError(
            'ROBENCH_DATA',
            `${archive.name}: expected ${digest.algorithm} ${digest.value}, got ${got}: ` +
              'damaged or another file',
          )
        }
        await archive.unpack(path, context)
        await rm(path, { force: true })
      })
    },
  }
}
