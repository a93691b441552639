/** Archives of arrays in NumPy's format .npz, written in pieces and compressed. */
import { randomUUID } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { once } from 'node:events'
import { dirname, resolve } from 'node:path'
import { constants, crc32, createDeflateRaw, deflateRawSync } from 'node:zlib'
import { makeFolder } from '../../base/make-folder.ts'
import { storeError } from '../../base/atomic-file.ts'
import { ConfigError } from '../../base/errors.ts'
import { parseNpy } from '../../data/formats/npy.ts'
import { withZip } from '../../data/formats/zip.ts'

/** The data of an array in an archive. */
export type NpzData = Float32Array | Int32Array

/** An array to write, with its rows in pieces. */
export interface NpzSource {
  readonly name: string
  readonly dtype: 'float32' | 'int32'
  readonly shape: readonly number[]
  readonly pieces: Iterable<NpzData> | AsyncIterable<NpzData>
}

/** An array to pack in memory: `type` as in NumPy's format, such as `|u1`, and its bytes. */
export interface PackedNpzSource {
  readonly name: string
  readonly type: string
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
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
    await makeFolder(dirname(target))
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

/**
 * Packs small arrays of a few different values into the bytes of an archive: for random outcomes,
 * a search for repeated strings takes nine times as long for a third less. Equal arrays give equal
 * bytes.
 */
export function packNpz(arrays: readonly PackedNpzSource[]): Buffer {
  const members: Member[] = []
  const pieces: Buffer[] = []
  let offset = 0
  for (const { name, type, shape, bytes } of arrays) {
    const whole = Buffer.concat([npyHead(type, shape), bytes])
    const packed = deflateRawSync(whole, { strategy: constants.Z_HUFFMAN_ONLY })
    const member = {
      name: `${name}.npy`,
      offset,
      crc: crc32(whole),
      packed: packed.length,
      size: whole.length,
    }
    const head = localHeadOf(member)
    members.push(member)
    pieces.push(head, packed)
    offset += head.length + packed.length
  }
  const directory = Buffer.concat(members.map(centralHeadOf))
  return Buffer.concat([...pieces, directory, endOf(members.length, offset, directory.length)])
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
  await add(npyHead(array.dtype === 'float32' ? '<f4' : '<i4', array.shape))
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

function npyHead(type: string, shape: readonly number[]): Buffer {
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
 * @throws ConfigError ROBENCH_DATA that names the file, if it is damaged, expands too far, or is
 * not such an archive
 */
export function readNpz(path: string): Promise<ReadonlyMap<string, NpzArray>> {
  return withZip(path, 'expected an .npz archive, written with numpy.savez', async (archive) => {
    const arrays = new Map<string, NpzArray>()
    for (const member of archive.members) {
      if (!member.name.endsWith('.npy')) continue
      const bytes = await archive.read(member)
      const name = member.name.slice(0, -'.npy'.length)
      arrays.set(name, parseArray(bytes, `${path}: ${member.name}`))
    }
    return arrays
  })
}

/** Reads an array of numbers from the bytes of a .npy file. @throws ConfigError ROBENCH_DATA */
export function parseArray(bytes: Uint8Array, where: string): NpzArray {
  const { buffer, byteOffset, byteLength } = bytes
  // A copy, because an array must begin at a multiple of its element size.
  const own = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer
  const { dtype, shape, data } = parseNpy(own, where)
  const values: unknown = data
  if (!ArrayBuffer.isView(values)) {
    throw new ConfigError('ROBENCH_DATA', `${where}: expected numbers, got ${dtype}`)
  }
  // Views of .npy files are typed arrays.
  return { dtype, shape, data: values as unknown as NpzArray['data'] }
}
