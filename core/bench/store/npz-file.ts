/** Archives of arrays in NumPy's format .npz, written in pieces and compressed. */
import { randomUUID } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { once } from 'node:events'
import { dirname, resolve } from 'node:path'
import { crc32, createDeflateRaw, inflateRawSync } from 'node:zlib'
import { parse } from 'npyjs'
import { storeError } from '../../base/atomic-file.ts'
import { ConfigError } from '../../base/errors.ts'
import { sizeOf } from '../../engine/tensor/tensor.ts'

/** The data of an array in an archive. */
export type NpzData = Float32Array | Int32Array

/** An array to write, with its rows in pieces. */
export interface NpzSource {
  readonly name: string
  readonly dtype: 'float32' | 'int32'
  readonly shape: readonly number[]
  readonly pieces: Iterable<NpzData> | AsyncIterable<NpzData>
}

/** An array that was read. */
export interface NpzArray {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data: ArrayLike<number | bigint> & ArrayBufferView
}

interface Member {
  readonly name: string
  readonly offset: number
  readonly crc: number
  readonly packed: number
  readonly size: number
}

const localHead = 0x04034b50
const centralHead = 0x02014b50
const endHead = 0x06054b50
const largeEndHead = 0x06064b50
const largeLocatorHead = 0x07064b50
const largest32 = 0xffffffff
const deflated = 8
/** 1 January 1980, so that equal arrays give equal bytes. */
const dosDate = 0x21

/**
 * Writes an archive atomically. Equal arrays give equal bytes.
 * @throws RunError ROBENCH_STORE
 */
export async function writeNpz(path: string, arrays: readonly NpzSource[]): Promise<void> {
  const target = resolve(path)
  const temporary = `${target}.${randomUUID().slice(0, 8)}.tmp`
  try {
    await mkdir(dirname(target), { recursive: true })
    const file = await open(temporary, 'w')
    try {
      const members: Member[] = []
      let offset = 0
      for (const array of arrays) {
        const member = await writeMember(file, offset, array)
        members.push(member)
        offset += localHeadOf(member).length + member.packed
      }
      const directory = Buffer.concat(members.map(centralHeadOf))
      await file.write(directory, 0, directory.length, offset)
      const end = endOf(members.length, offset, directory.length)
      await file.write(end, 0, end.length, offset + directory.length)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, target)
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {})
    throw storeError(path, cause)
  }
}

/** Compresses one array behind a head that is written last, when its sizes are known. */
async function writeMember(file: FileHandle, offset: number, array: NpzSource): Promise<Member> {
  const name = `${array.name}.npy`
  let position = offset + localHeadOf({ name, offset, crc: 0, packed: 0, size: 0 }).length
  const start = position
  let crc = 0
  let size = 0
  const deflate = createDeflateRaw({ level: 6 })
  const drained = (async () => {
    for await (const chunk of deflate) {
      const bytes = chunk as Buffer
      await file.write(bytes, 0, bytes.length, position)
      position += bytes.length
    }
  })()
  const add = async (bytes: Uint8Array): Promise<void> => {
    crc = crc32(bytes, crc)
    size += bytes.length
    if (!deflate.write(bytes)) await once(deflate, 'drain')
  }
  await add(npyHead(array))
  for await (const { buffer, byteOffset, byteLength } of array.pieces) {
    await add(new Uint8Array(buffer, byteOffset, byteLength))
  }
  deflate.end()
  await drained
  const member = { name, offset, crc, packed: position - start, size }
  const head = localHeadOf(member)
  await file.write(head, 0, head.length, offset)
  return member
}

function npyHead({ dtype, shape }: NpzSource): Buffer {
  const type = dtype === 'float32' ? '<f4' : '<i4'
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${sizes}), }`
  const padded = Math.ceil((text.length + 11) / 64) * 64 - 10
  const length = Buffer.alloc(2)
  length.writeUInt16LE(padded)
  const magic = Buffer.from('\x93NUMPY\x01\x00', 'latin1')
  return Buffer.concat([magic, length, Buffer.from(`${text.padEnd(padded - 1)}\n`)])
}

/** Sizes are always stated in 64 bits, as NumPy does, so that the head has a fixed length. */
function localHeadOf({ name, crc, packed, size }: Member): Buffer {
  const head = Buffer.alloc(30)
  head.writeUInt32LE(localHead, 0)
  head.writeUInt16LE(45, 4)
  head.writeUInt16LE(deflated, 8)
  head.writeUInt16LE(dosDate, 12)
  head.writeUInt32LE(crc, 14)
  head.writeUInt32LE(largest32, 18)
  head.writeUInt32LE(largest32, 22)
  head.writeUInt16LE(name.length, 26)
  head.writeUInt16LE(20, 28)
  return Buffer.concat([head, Buffer.from(name), largeExtra([size, packed])])
}

function centralHeadOf({ name, offset, crc, packed, size }: Member): Buffer {
  const head = Buffer.alloc(46)
  head.writeUInt32LE(centralHead, 0)
  head.writeUInt16LE(45, 4)
  head.writeUInt16LE(45, 6)
  head.writeUInt16LE(deflated, 10)
  head.writeUInt16LE(dosDate, 14)
  head.writeUInt32LE(crc, 16)
  head.writeUInt32LE(largest32, 20)
  head.writeUInt32LE(largest32, 24)
  head.writeUInt16LE(name.length, 28)
  head.writeUInt16LE(28, 30)
  head.writeUInt32LE(largest32, 42)
  return Buffer.concat([head, Buffer.from(name), largeExtra([size, packed, offset])])
}

function largeExtra(values: readonly number[]): Buffer {
  const extra = Buffer.alloc(4 + 8 * values.length)
  extra.writeUInt16LE(1, 0)
  extra.writeUInt16LE(8 * values.length, 2)
  values.forEach((value, at) => extra.writeBigUInt64LE(BigInt(value), 4 + 8 * at))
  return extra
}

function endOf(members: number, offset: number, length: number): Buffer {
  const large = Buffer.alloc(56)
  large.writeUInt32LE(largeEndHead, 0)
  large.writeBigUInt64LE(44n, 4)
  large.writeUInt16LE(45, 12)
  large.writeUInt16LE(45, 14)
  large.writeBigUInt64LE(BigInt(members), 24)
  large.writeBigUInt64LE(BigInt(members), 32)
  large.writeBigUInt64LE(BigInt(length), 40)
  large.writeBigUInt64LE(BigInt(offset), 48)
  const locator = Buffer.alloc(20)
  locator.writeUInt32LE(largeLocatorHead, 0)
  locator.writeBigUInt64LE(BigInt(offset + length), 8)
  locator.writeUInt32LE(1, 16)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(endHead, 0)
  end.writeUInt16LE(members, 8)
  end.writeUInt16LE(members, 10)
  end.writeUInt32LE(length, 12)
  end.writeUInt32LE(offset < largest32 ? offset : largest32, 16)
  return Buffer.concat([large, locator, end])
}

/**
 * Reads all arrays of an archive by name, with or without compression.
 * @throws ConfigError ROBENCH_DATA that names the file, if it is damaged or not such an archive
 */
export async function readNpz(path: string): Promise<ReadonlyMap<string, NpzArray>> {
  let file: FileHandle
  try {
    file = await open(path)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError('ROBENCH_DATA', `${path}: cannot be read: ${reason}`, { cause })
  }
  try {
    const arrays = new Map<string, NpzArray>()
    for (const member of await listMembers(file, path)) {
      if (!member.name.endsWith('.npy')) continue
      const array = parseNpy(await readMember(file, member, path), `${path}: ${member.name}`)
      arrays.set(member.name.slice(0, -'.npy'.length), array)
    }
    return arrays
  } finally {
    await file.close()
  }
}

/** Reads an array from the bytes of a .npy file. @throws ConfigError ROBENCH_DATA */
export function parseNpy(bytes: Uint8Array, where: string): NpzArray {
  try {
    const { buffer, byteOffset, byteLength } = bytes
    // A copy: npyjs reads whole buffers only.
    const { dtype, shape, data, fortranOrder } = parse(
      buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer,
      { convertFloat16: false },
    )
    const values: unknown = data
    if (!ArrayBuffer.isView(values) || fortranOrder) throw new Error('not an array in C order')
    // The views of npyjs are typed arrays.
    const array = values as unknown as NpzArray['data']
    if (array.length !== sizeOf(shape)) throw new Error('it is truncated')
    return { dtype, shape, data: array }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError('ROBENCH_DATA', `${where}: cannot be read as .npy: ${reason}`, { cause })
  }
}

interface ListedMember extends Member {
  readonly method: number
}

async function listMembers(file: FileHandle, path: string): Promise<ListedMember[]> {
  const { size } = await file.stat()
  const tail = await readAt(file, Math.max(0, size - 66_000), Math.min(size, 66_000))
  const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]))
  if (end < 0) throw damaged(path, 'expected an .npz archive, written with numpy.savez')
  let start = tail.readUInt32LE(end + 16)
  let length = tail.readUInt32LE(end + 12)
  const locator = end - 20
  if (locator >= 0 && tail.readUInt32LE(locator) === largeLocatorHead) {
    const large = await readAt(file, Number(tail.readBigUInt64LE(locator + 8)), 56)
    length = Number(large.readBigUInt64LE(40))
    start = Number(large.readBigUInt64LE(48))
  }
  const directory = await readAt(file, start, length)
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
    const method = directory.readUInt16LE(at + 10)
    members.push({
      name,
      size: unpacked,
      packed,
      offset,
      crc: directory.readUInt32LE(at + 16),
      method,
    })
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
  member: ListedMember,
  path: string,
): Promise<Uint8Array> {
  const { name, offset, packed, size, crc, method } = member
  const head = await readAt(file, offset, 30)
  const start = offset + 30 + head.readUInt16LE(26) + head.readUInt16LE(28)
  const content = await readAt(file, start, packed)
  let bytes: Uint8Array
  try {
    bytes = method === deflated ? inflateRawSync(content) : content
  } catch {
    throw damaged(path, `${name} is damaged`)
  }
  if (bytes.length !== size || crc32(bytes) !== crc) throw damaged(path, `${name} is damaged`)
  return bytes
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  let done = 0
  while (done < length) {
    const { bytesRead } = await file.read(buffer, done, length - done, position + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return buffer.subarray(0, done)
}

function damaged(path: string, reason: string): ConfigError {
  return new ConfigError('ROBENCH_DATA', `${path}: ${reason}`)
}
