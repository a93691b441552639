/**
 * Reads numeric arrays from MATLAB Level 5 MAT-files (versions 5 to 7), compressed or not. Not from
 * npm, where the only package for this format is under the GPL.
 * @see The MathWorks, "MAT-File Format", chapter "Level 5 MAT-File Format"
 */
import { inflateSync } from 'node:zlib'
import { ConfigError } from '../../base/errors.ts'
import { sizeOf } from '../../engine/tensor/tensor.ts'
import { maxInflatedBytes } from '../limits.ts'
import type { NamedBytes } from '../published.ts'

/** A numeric array of a MAT-file. */
export interface MatArray {
  readonly name: string
  /** At least two axes; MATLAB drops trailing axes of length 1 beyond the second. */
  readonly shape: readonly number[]
  /**
   * Column-major: the first axis varies fastest. Of the type in the file, which can be narrower
   * than the array's class.
   */
  readonly data: MatData
}

/** The types that a MAT-file stores numbers in. */
export type MatData =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array

const headerSize = 128
const matrixType = 14
const compressedType = 15
/**
 * Array classes of plain numbers: double (6) to unsigned 32-bit (13). Cells, structures, text,
 * sparse arrays and 64-bit integers are skipped.
 */
const firstNumericClass = 6
const lastNumericClass = 13
const complexFlag = 0x0800

/** The element types of numbers, by their code in the file. */
const readers: Readonly<Record<number, (buffer: ArrayBuffer) => MatData>> = {
  1: (buffer) => new Int8Array(buffer),
  2: (buffer) => new Uint8Array(buffer),
  3: (buffer) => new Int16Array(buffer),
  4: (buffer) => new Uint16Array(buffer),
  5: (buffer) => new Int32Array(buffer),
  6: (buffer) => new Uint32Array(buffer),
  7: (buffer) => new Float32Array(buffer),
  9: (buffer) => new Float64Array(buffer),
}

/**
 * The numeric arrays of the file by name; other variables are skipped.
 * @throws ConfigError ROBENCH_DATA for another version, or a big-endian, truncated or damaged file
 */
export function readMat5(file: NamedBytes): ReadonlyMap<string, MatArray> {
  checkHeader(file)
  const arrays = new Map<string, MatArray>()
  let offset = headerSize
  while (offset < file.bytes.length) {
    const element = readElement(file, file.bytes, offset)
    const array = readVariable(file, element)
    if (array) arrays.set(array.name, array)
    offset = element.end
  }
  return arrays
}

function checkHeader({ path, bytes }: NamedBytes): void {
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, 116)).trimEnd()
  if (text.startsWith('MATLAB 7.3')) {
    fail(path, 'is a MATLAB 7.3 (HDF5) file, expected version 5 to 7; save it with `save -v7`')
  }
  const endian = new TextDecoder('latin1').decode(bytes.subarray(126, 128))
  if (endian === 'MI')
    fail(path, 'is a big-endian MAT-file; only little-endian files are supported')
  if (bytes.length < headerSize || endian !== 'IM' || bytes[125] !== 0x01) {
    fail(path, 'expected a MATLAB version 5 file, but its header is not one')
  }
}

interface Element {
  readonly type: number
  readonly body: Uint8Array
  /** Where the next element begins. */
  readonly end: number
}

/** An element: an 8-byte tag and a body padded to 8 bytes, or up to 4 bytes within the tag. */
function readElement({ path }: NamedBytes, bytes: Uint8Array, offset: number): Element {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (offset + 8 > bytes.length) truncated(path, offset + 8, bytes.length)
  const first = view.getUint32(offset, true)
  const packedSize = first >>> 16
  if (packedSize !== 0) {
    if (packedSize > 4) fail(path, `a packed element of ${packedSize} bytes; the file is damaged`)
    return {
      type: first & 0xffff,
      body: bytes.subarray(offset + 4, offset + 4 + packedSize),
      end: offset + 8,
    }
  }
  const size = view.getUint32(offset + 4, true)
  const start = offset + 8
  if (start + size > bytes.length) truncated(path, start + size, bytes.length)
  // Only compressed elements are not padded.
  const padded = first === compressedType ? size : Math.ceil(size / 8) * 8
  return {
    type: first,
    body: bytes.subarray(start, start + size),
    end: Math.min(start + padded, bytes.length),
  }
}

function readVariable(file: NamedBytes, element: Element): MatArray | undefined {
  if (element.type === compressedType) {
    const inner = readElement(file, inflate(file, element.body), 0)
    // MATLAB compresses a variable once; a file can contain itself.
    if (inner.type === compressedType) fail(file.path, 'an array is compressed twice')
    return readVariable(file, inner)
  }
  if (element.type !== matrixType || element.body.length === 0) return undefined
  const flags = readElement(file, element.body, 0)
  const flagBits = wordsOf(file, flags)[0] ?? 0
  const arrayClass = flagBits & 0xff
  if (arrayClass < firstNumericClass || arrayClass > lastNumericClass) return undefined
  if (flagBits & complexFlag) return undefined
  const dimensions = readElement(file, element.body, flags.end)
  const nameElement = readElement(file, element.body, dimensions.end)
  const values = readElement(file, element.body, nameElement.end)

  const name = new TextDecoder('latin1').decode(nameElement.body)
  const shape = Array.from(wordsOf(file, dimensions))
  const reader = readers[values.type]
  if (!reader) fail(file.path, `array "${name}" is stored as unknown type ${values.type}`)
  const data = reader(aligned(file, values.body, values.type))
  const size = sizeOf(shape)
  if (data.length !== size) {
    fail(
      file.path,
      `array "${name}" of [${shape.join(', ')}] has ${size} elements, got ${data.length}; ` +
        'the file is damaged',
    )
  }
  return { name, shape, data }
}

function inflate({ path }: NamedBytes, body: Uint8Array): Uint8Array {
  try {
    return inflateSync(body, { maxOutputLength: maxInflatedBytes })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ConfigError(
      'ROBENCH_DATA',
      `${path}: a compressed array cannot be unpacked (${reason}); ` +
        'the file is truncated or damaged',
      { cause: error },
    )
  }
}

function wordsOf(file: NamedBytes, element: Element): Uint32Array {
  return new Uint32Array(aligned(file, element.body, 6))
}

/** A copy of the bytes in its own buffer, aligned for typed arrays. */
function aligned({ path }: NamedBytes, body: Uint8Array, type: number): ArrayBuffer {
  const elementSize = { 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8 }[type] ?? 1
  if (body.length % elementSize !== 0) {
    fail(
      path,
      `an element of ${body.length} bytes cannot hold ${elementSize}-byte numbers; ` +
        'the file is damaged',
    )
  }
  return new Uint8Array(body).buffer
}

function truncated(path: string, expected: number, got: number): never {
  fail(
    path,
    `an element ends at byte ${expected}, but the file has only ${got} bytes; it is truncated`,
  )
}

function fail(path: string, problem: string): never {
  throw new ConfigError('ROBENCH_DATA', `${path}: ${problem}`)
}
