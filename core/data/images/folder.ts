/** Folders of images: one directory a class, as ImageNet is commonly stored. */
import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { ConfigError, didYouMean } from '../../base/errors.ts'
import { readBytes } from '../../base/read-file.ts'
import { maxImageFileBytes } from '../limits.ts'
import { alternating } from '../sample.ts'
import type { ImageCollection } from './collection.ts'
import { decodeImage, imageExtensions } from './decode.ts'

/**
 * Lists the images of a folder. Labels are the places of the directories in `classNames`, or else
 * in alphabetical order. Images are ordered by name, and classes alternate, so that the first n
 * images contain all classes.
 * @throws ConfigError ROBENCH_DATA for a folder without such directories, an empty directory, or a
 * directory that `classNames` lacks
 */
export async function listImageFolder(
  folder: string,
  classNames?: readonly string[],
): Promise<ImageCollection> {
  const entries = await readdir(folder, { withFileTypes: true })
  const found: string[] = []
  for (const entry of entries) {
    if (isVisible(entry.name) && (await isDirectory(entry, folder))) found.push(entry.name)
  }
  found.sort()
  if (found.length === 0) {
    const hasImages = entries.some(({ name }) => isImage(name))
    throw new ConfigError(
      'ROBENCH_DATA',
      `${folder}: expected one directory of images for each class, got ` +
        (hasImages ? 'images; if they are those of one class, name the directory above' : 'none'),
    )
  }
  const names = classNames ?? found
  const unknown = found.find((name) => !names.includes(name))
  if (unknown !== undefined) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${join(folder, unknown)}: not one of the class names${didYouMean(unknown, names)}`,
    )
  }
  const paths: string[] = []
  const labels: number[] = []
  const rows: number[][] = []
  for (const name of names.filter((item) => found.includes(item))) {
    const images = await imagesIn(join(folder, name))
    rows.push(images.map((_, index) => paths.length + index))
    paths.push(...images)
    labels.push(...images.map(() => names.indexOf(name)))
  }
  const order = alternating(rows)
  return {
    labels: order.map((row) => labels[row]!),
    classNames: names,
    decode: async (row) => {
      const path = paths[order[row]!]!
      const limits = { code: 'ROBENCH_DATA', mostBytes: maxImageFileBytes } as const
      return decodeImage(await readBytes(path, limits), path)
    },
    nameOf: (row) => paths[order[row]!]!,
  }
}

async function imagesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries.map(({ name }) => name).filter(isVisible)
  const images = names.filter(isImage).toSorted()
  if (images.length > 0) return images.map((name) => join(folder, name))
  const isNested = entries.some((entry) => entry.isDirectory() && isVisible(entry.name))
  throw new ConfigError(
    'ROBENCH_DATA',
    `${folder}: contains no image (${imageExtensions.join(', ')})` +
      (isNested ? `, but directories; if they are the classes, name this directory` : ''),
  )
}

function isImage(name: string): boolean {
  return imageExtensions.includes(extname(name).toLowerCase())
}

/** Whether an entry is a directory, or a link to one. */
async function isDirectory(entry: Dirent, folder: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory()
  const target = await stat(join(folder, entry.name)).catch(() => undefined)
  return target?.isDirectory() === true
}

function isVisible(name: string): boolean {
  return !name.startsWith('.')
}
