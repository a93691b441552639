/**
 * Checks the pages of Parquet columns before they are decoded. The decoder believes what a page
 * states: sizes, counts, and the lengths of runs.
 * @see Apache Parquet, "Run Length Encoding / Bit-Packing Hybrid"
 */
import type { AsyncBuffer, CompressionCodec, Compressors, FileMetaData } from 'hyparquet'
import { compressors, decompressZstd } from 'hyparquet-compressors'
import { parquetHeader } from 'hyparquet/src/column.js'
import { decompressPage } from 'hyparquet/src/datapage.js'
import {
  getMaxDefinitionLevel,
  getMaxRepetitionLevel,
  getSchemaPath,
} from 'hyparquet/src/schema.js'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { expansionLimit } from '../limits.ts'

/** Most rows of a table. */
export const mostRows = 20_000_000

/** Bytes of one page. */
const mostPageBytes = 2 ** 30

/** Bit-packed runs may be padded by that many values. */
const padding = 504

/** Decompressors that return no more than a page states. */
export const boundedCompressors: Compressors = {
  ...compressors,
  GZIP: (input, length) => gunzipSync(input, { maxOutputLength: Math.max(1, length) }),
  BROTLI: (input, length) => brotliDecompressSync(input, { maxOutputLength: Math.max(1, length) }),
  ZSTD: (input, length) => decompressZstd(input, new Uint8Array(length)),
}

/** A part of a column, with what its pages need. */
interface Chunk {
  readonly codec: CompressionCodec
  readonly values: number
  readonly definition: number
  readonly repetition: number
  readonly isBoolean: boolean
}

/**
 * Checks the pages of the columns that are read.
 * @param columns names of columns of the table
 * @throws Error with what is wrong
 */
export async function checkPages(
  file: AsyncBuffer,
  { row_groups, schema }: FileMetaData,
  columns: readonly string[],
): Promise<void> {
  let rows = 0
  let expanded = 0
  for (const group of row_groups) {
    rows += countOf(group.num_rows, 'rows', mostRows)
    if (rows > mostRows) throw new Error(`more than ${mostRows} rows`)
    for (const { meta_data: meta } of group.columns) {
      if (!meta || !columns.includes(meta.path_in_schema[0] ?? '')) continue
      const start = Number(meta.dictionary_page_offset || meta.data_page_offset)
      const end = start + Number(meta.total_compressed_size)
      if (!(start >= 0 && start <= end && end <= file.byteLength)) {
        throw new Error(`a column at bytes ${start} to ${end} of ${file.byteLength}`)
      }
      const path = getSchemaPath(schema, meta.path_in_schema)
      const chunk = {
        codec: meta.codec,
        values: countOf(meta.num_values, 'values', mostRows),
        definition: getMaxDefinitionLevel(path),
        repetition: getMaxRepetitionLevel(path),
        isBoolean: meta.type === 'BOOLEAN',
      }
      expanded += checkChunk(new DataView(await file.slice(start, end)), chunk)
      if (expanded > expansionLimit(file.byteLength)) {
        throw new Error(`its pages expand to more than ${expansionLimit(file.byteLength)} bytes`)
      }
    }
  }
}

/** @returns the bytes that its pages expand to */
function checkChunk(view: DataView<ArrayBuffer>, chunk: Chunk): number {
  const reader = { view, offset: 0 }
  let left = chunk.values
  let expanded = 0
  while (reader.offset < view.byteLength - 1) {
    const header = parquetHeader(reader)
    const packed = countOf(header.compressed_page_size, 'bytes', view.byteLength - reader.offset)
    const size = countOf(header.uncompressed_page_size, 'bytes', mostPageBytes)
    expanded += size
    const bytes = new Uint8Array(view.buffer, reader.offset, packed)
    reader.offset += packed
    const { data_page_header: first, data_page_header_v2: second, dictionary_page_header } = header
    if (header.type === 'DICTIONARY_PAGE') {
      countOf(dictionary_page_header?.num_values, 'entries of a dictionary', mostRows)
    } else if (header.type === 'DATA_PAGE' && first) {
      left -= countOf(first.num_values, 'values of a page', left)
      const page = decompressPage(bytes, size, chunk.codec, boundedCompressors)
      checkPage(viewOf(page), chunk, first.num_values, first.encoding)
    } else if (header.type === 'DATA_PAGE_V2' && second) {
      left -= countOf(second.num_values, 'values of a page', left)
      const levels =
        countOf(second.repetition_levels_byte_length, 'bytes', packed) +
        countOf(second.definition_levels_byte_length, 'bytes', packed)
      if (levels > packed) throw new Error('levels that are longer than their page')
      countOf(second.num_nulls, 'nulls', second.num_values)
      checkSecond(bytes, size - levels, chunk, second)
    }
    // A page can be empty, but not without end.
    if (packed === 0 && left <= 0) break
  }
  return expanded
}

/** A page of the first kind: levels with their lengths before them, then values. */
function checkPage(view: DataView, chunk: Chunk, count: number, encoding: string): void {
  let at = 0
  for (const level of [chunk.repetition, chunk.definition]) {
    if (level === 0) continue
    const length = view.getUint32(at, true)
    at += 4
    checkRuns(view, at, countOf(length, 'bytes', view.byteLength - at), widthOf(level), count)
    at += length
  }
  checkIndices(view, at, chunk, count, encoding)
}

/** A page of the second kind: only its values are compressed. */
function checkSecond(
  bytes: Uint8Array,
  size: number,
  chunk: Chunk,
  header: NonNullable<ReturnType<typeof parquetHeader>['data_page_header_v2']>,
): void {
  const { num_values: count, encoding, is_compressed: isCompressed } = header
  const repetition = header.repetition_levels_byte_length
  const definition = header.definition_levels_byte_length
  const view = viewOf(bytes)
  if (chunk.repetition > 0) checkRuns(view, 0, repetition, widthOf(chunk.repetition), count)
  if (chunk.definition > 0) {
    checkRuns(view, repetition, definition, widthOf(chunk.definition), count)
  }
  const packed = bytes.subarray(repetition + definition)
  const values =
    isCompressed === false ? packed : decompressPage(packed, size, chunk.codec, boundedCompressors)
  checkIndices(viewOf(values), 0, chunk, count, encoding)
}

/** The indices of values in a dictionary, or booleans. */
function checkIndices(
  view: DataView,
  at: number,
  { isBoolean }: Chunk,
  count: number,
  encoding: string,
): void {
  if (encoding === 'RLE' && isBoolean) {
    checkRuns(view, at + 4, view.byteLength - at - 4, 1, count)
  } else if (encoding === 'PLAIN_DICTIONARY' || encoding === 'RLE_DICTIONARY') {
    const width = view.byteLength > at ? view.getUint8(at) : 0
    if (width > 32) throw new Error(`indices of ${width} bits`)
    checkRuns(view, at + 1, view.byteLength - at - 1, width, count)
  }
}

/** Runs of equal values, and groups of eight packed ones: no more than `count` together. */
function checkRuns(
  view: DataView,
  start: number,
  length: number,
  width: number,
  count: number,
): void {
  const end = start + length
  let left = count
  for (let at = start; left > 0 && at < end;) {
    let header = 0
    for (let shift = 0; ; shift += 7) {
      const byte = view.getUint8(at++)
      header += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) break
      if (shift > 28) throw new Error('a run of unknown length')
    }
    const isPacked = header % 2 === 1
    const run = isPacked ? 8 * Math.floor(header / 2) : Math.floor(header / 2)
    if (run > left + (isPacked ? padding : 0))
      throw new Error(`a run of ${run} values, ${left} left`)
    left -= run
    at += isPacked ? (run / 8) * width : Math.ceil(width / 8)
  }
}

function widthOf(level: number): number {
  return 32 - Math.clz32(level)
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}

/** A whole number from 0 to `most`. */
function countOf(value: number | bigint | undefined, what: string, most: number): number {
  const number = Number(value)
  if (Number.isInteger(number) && number >= 0 && number <= most) return number
  throw new Error(`${String(value)} ${what}, expected at most ${most}`)
}
