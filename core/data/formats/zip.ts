/** Reads ZIP archives member by member, within bounds on what they expand to. */
import { open, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { crc32, inflateRawSync } from 'node:zlib'
import { ConfigError } from '../../base/errors.ts'
import { requireFile } from '../../base/read-file.ts'
import { expansionLimit, maxInflatedBytes } from '../limits.ts'

/** A file in an archive, as the archive's directory states it. */
export interface ZipMember {
  readonly name: string
  /** In bytes, unpacked. */
  readonly size: number
}

/** An open archive. */
export interface ZipArchive {
  readonly members: readonly ZipMember[]
  /** Unpacks a member. @throws ConfigError ROBENCH_DATA if it is damaged, or expands too far */
  read(member: ZipMember): Promise<Uint8Array>
}

interface ListedMember extends ZipMember {
  readonly offset: number
  readonly packed: number
  readonly crc: number
  readonly method: number
}

const centralHead = 0x02014b50
const largeLocatorHead = 0x07064b50
const largest32 = 0xffffffff
const stored = 0
const deflated = 8
/** Deflate never expands further. */
const largestRatio = 1032
/** Most members of an archive of arrays. */
const mostMembers = 100_000
/** Bytes that are read at a time. */
const pieceSize = 2 ** 28

/**
 * Opens an archive for a reader, and closes it afterwards.
 * @param form what was expected, for messages
 * @throws ConfigError ROBENCH_DATA: missing, not an archive, or damaged
 */
export async function withZip<T>(
  path: string,
  form: string,
  use: (archive: ZipArchive) => Promise<T>,
): Promise<T> {
  let file: FileHandle
  try {
    // Before it is opened: a pipe would wait for a writer.
    requireFile(await stat(path), { code: 'ROBENCH_DATA', mostBytes: Infinity }, path)
    file = await open(path)
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
    throw damaged(path, isMissing ? 'not found' : `cannot be read: ${reason}`, cause)
  }
  try {
    const { size } = await file.stat()
    const members = await listMembers({ file, path, size, form })
    const names = new Set(members.map(({ name }) => name))
    if (names.size < members.length) throw damaged(path, 'has two members of the same name')
    let expanded = 0
    return await use({
      members,
      async read(member) {
        expanded += member.size
        if (expanded > expansionLimit(size)) {
          throw damaged(
            path,
            `has ${size} bytes, and its arrays expand to more than ` +
              `${Math.floor(expansionLimit(size) / 2 ** 20)} MiB; save them without compression ` +
              '(numpy.savez)',
          )
        }
        return readMember(file, member as ListedMember, path, size)
      },
    })
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    // Offsets beyond the file.
    throw damaged(
      path,
      `is damaged: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    )
  } finally {
    await file.close()
  }
}

interface OpenFile {
  readonly file: FileHandle
  readonly path: string
  readonly size: number
  readonly form: string
}

async function listMembers({ file, path, size, form }: OpenFile): Promise<ListedMember[]> {
  const tailSize = Math.min(size, 66_000)
  const tail = await readAt(file, size - tailSize, tailSize)
  const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]))
  if (end < 0) throw damaged(path, form)
  let start = tail.readUInt32LE(end + 16)
  let length = tail.readUInt32LE(end + 12)
  const locator = end - 20
  if (locator >= 0 && tail.readUInt32LE(locator) === largeLocatorHead) {
    const place = Number(tail.readBigUInt64LE(locator + 8))
    const large = await readAt(file, within(path, place, 56, size), 56)
    length = Number(large.readBigUInt64LE(40))
    start = Number(large.readBigUInt64LE(48))
  }
  const directory = await readAt(file, within(path, start, length, size), length)
  const members: ListedMember[] = []
  for (let at = 0; at + 46 <= directory.length;) {
    if (directory.readUInt32LE(at) !== centralHead) throw damaged(path, 'its directory is damaged')
    const nameLength = directory.readUInt16LE(at + 28)
    const extraLength = directory.readUInt16LE(at + 30)
    const name = directory.toString('utf8', at + 46, at + 46 + nameLength)
    const extra = directory.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength)
    const large = largeValues(extra)
    const field = (place: number): number => {
      const value = directory.readUInt32LE(at + place)
      return value === largest32 ? (large.shift() ?? value) : value
    }
    // In the order in which the extra field lists them.
    const unpacked = field(24)
    const packed = field(20)
    const offset = field(42)
    members.push({
      name,
      size: unpacked,
      packed,
      offset,
      crc: directory.readUInt32LE(at + 16),
      method: directory.readUInt16LE(at + 10),
    })
    if (members.length > mostMembers) throw damaged(path, `has more than ${mostMembers} members`)
    at += 46 + nameLength + extraLength + directory.readUInt16LE(at + 32)
  }
  return members
}

function largeValues(extra: Buffer): number[] {
  for (let at = 0; at + 4 <= extra.length;) {
    const length = extra.readUInt16LE(at + 2)
    if (extra.readUInt16LE(at) === 1) {
      return Array.from({ length: Math.floor(length / 8) }, (_, place) =>
        Number(extra.readBigUInt64LE(at + 4 + 8 * place)),
      )
    }
    at += 4 + length
  }
  return []
}

async function readMember(
  file: FileHandle,
  { name, offset, packed, size, crc, method }: ListedMember,
  path: string,
  fileSize: number,
): Promise<Uint8Array> {
  const head = await readAt(file, within(path, offset, 30, fileSize), 30)
  const start = offset + 30 + head.readUInt16LE(26) + head.readUInt16LE(28)
  within(path, start, packed, fileSize)
  const most = method === stored ? packed : Math.min(largestRatio * packed, maxInflatedBytes)
  if (size > most) throw damaged(path, `${name} cannot have ${size} bytes`)
  if (method !== stored && method !== deflated) {
    throw damaged(path, `${name} is compressed with method ${method}, expected deflate`)
  }
  const content = await readAt(file, start, packed)
  let bytes: Uint8Array
  try {
    bytes =
      method === deflated
        ? inflateRawSync(content, { maxOutputLength: Math.max(1, size) })
        : content
  } catch {
    throw damaged(path, `${name} is damaged`)
  }
  if (bytes.length !== size || crc32(bytes) !== crc) throw damaged(path, `${name} is damaged`)
  return bytes
}

/** The start of a range, which must be in the file: nothing is allocated for a wrong one. */
function within(path: string, start: number, length: number, size: number): number {
  if (start >= 0 && length >= 0 && start + length <= size) return start
  throw damaged(path, `is truncated or damaged: it names bytes ${start} to ${start + length}`)
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  let done = 0
  while (done < length) {
    const most = Math.min(pieceSize, length - done)
    const { bytesRead } = await file.read(buffer, done, most, position + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return buffer.subarray(0, done)
}

function damaged(path: string, reason: string, cause?: unknown): ConfigError {
  return new ConfigError('ROBENCH_DATA', `${path}: ${reason}`, { cause })
}
