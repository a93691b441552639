/** Parquet tables with a column of encoded images, as Hugging Face stores data sets. */
import { parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet'
import { asyncBufferFromFile } from 'hyparquet/src/node.js'
import { stat } from 'node:fs/promises'
import { ConfigError } from '../../base/errors.ts'
import { requireFile } from '../../base/read-file.ts'
import type { ImageCollection } from '../images/collection.ts'
import { decodeImage } from '../images/decode.ts'
import { maxDatasetBytes } from '../limits.ts'
import { choosePart } from './choose-part.ts'
import { boundedCompressors, checkPages } from './parquet-pages.ts'

const usualImages = ['image', 'img', 'images', 'inputs']
const usualLabels = ['label', 'labels', 'fine_label', 'target', 'class']

/**
 * Reads a table. The images are PNG or JPEG files in a column of bytes, or of records with a field
 * `bytes`; the labels are integers. Class names come from Hugging Face's metadata, if it has them.
 * @throws ConfigError ROBENCH_DATA: not Parquet, no such column, too large, or a row without an
 * image or a label
 */
export async function readParquet(
  path: string,
  columns: { readonly inputs?: string; readonly labels?: string } = {},
): Promise<ImageCollection> {
  try {
    requireFile(await stat(path), { code: 'ROBENCH_DATA', mostBytes: maxDatasetBytes }, path)
    const file = await asyncBufferFromFile(path)
    const metadata = await parquetMetadataAsync(file)
    const names = parquetSchema(metadata).children.map(({ element }) => element.name)
    const image = choosePart({ path, kind: 'column', names }, 'inputs', columns.inputs, usualImages)
    const label = choosePart({ path, kind: 'column', names }, 'labels', columns.labels, usualLabels)
    let size = 0
    for (const { total_byte_size } of metadata.row_groups) size += Number(total_byte_size)
    if (size > maxDatasetBytes) {
      throw new ConfigError(
        'ROBENCH_DATA',
        `${path}: expands to more than ${maxDatasetBytes / 2 ** 30} GiB`,
      )
    }
    await checkPages(file, metadata, [image, label])
    const rows = await parquetReadObjects({
      file,
      metadata,
      columns: [image, label],
      compressors: boundedCompressors,
      utf8: false,
    })
    const classNames = huggingFaceNames(
      metadata.key_value_metadata?.find(({ key }) => key === 'huggingface')?.value,
      label,
    )
    return {
      labels: Int32Array.from(rows, (row, index) => labelOf(row[label], `${path}: row ${index}`)),
      ...(classNames && { classNames }),
      decode: async (row) =>
        decodeImage(bytesOf(rows[row]![image], `${path}: row ${row}`), `${path}: row ${row}`),
      nameOf: (row) => `${path}: row ${row}`,
    }
  } catch (error) {
    if (error instanceof ConfigError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new ConfigError('ROBENCH_DATA', `${path}: cannot be read as Parquet (${reason})`, {
      cause: error,
    })
  }
}

function labelOf(value: unknown, where: string): number {
  const label = typeof value === 'number' || typeof value === 'bigint' ? Number(value) : Number.NaN
  if (Number.isInteger(label) && label >= 0) return label
  throw new ConfigError('ROBENCH_DATA', `${where}: expected a class number, got ${String(value)}`)
}

function bytesOf(value: unknown, where: string): Uint8Array {
  const bytes: unknown =
    typeof value === 'object' && value !== null && 'bytes' in value ? value.bytes : value
  if (bytes instanceof Uint8Array) return bytes
  throw new ConfigError(
    'ROBENCH_DATA',
    `${where}: expected the bytes of an image, got ${bytes === null ? 'null' : typeof bytes}; ` +
      'a table that only names image files is not supported',
  )
}

/** `info.features.<label>.names` of the metadata. */
function huggingFaceNames(text: string | undefined, label: string): string[] | undefined {
  if (text === undefined) return undefined
  let place: unknown
  try {
    place = JSON.parse(text)
  } catch {
    return undefined
  }
  for (const key of ['info', 'features', label, 'names']) {
    place = typeof place === 'object' && place !== null ? Reflect.get(place, key) : undefined
  }
  return Array.isArray(place) && place.every((name) => typeof name === 'string') ? place : undefined
}
