/** NumPy's .npy format: one array of numbers. */
import { open, stat } from 'node:fs/promises'
import { parse } from 'npyjs'
import { ConfigError } from '../../base/errors.ts'
import { requireFile } from '../../base/read-file.ts'
import { sizeOf } from '../../engine/tensor/tensor.ts'
import { maxDatasetBytes } from '../limits.ts'

/** An array of a file, its data still of the stored type. */
export interface NpyArray {
  /** Place for messages: the file, and within an archive the array. */
  readonly path: string
  /** NumPy's name: `uint8`, `float32`. */
  readonly dtype: string
  readonly shape: readonly number[]
  /** A typed array; for booleans a plain array. */
  readonly data: ArrayLike<unknown>
}

/** Reads a .npy file. @throws ConfigError ROBENCH_DATA: missing, not .npy, truncated */
export async function readNpy(path: string): Promise<NpyArray> {
  return parseNpy(await readBuffer(path), path)
}

/** Parses the bytes of a .npy file. @throws ConfigError ROBENCH_DATA: not .npy, truncated */
export function parseNpy(buffer: ArrayBuffer, path: string): NpyArray {
  const head = new TextDecoder('latin1').decode(
    new Uint8Array(buffer, 0, Math.min(buffer.byteLength, 6)),
  )
  if (head !== '\x93NUMPY') {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${path}: expected a .npy file; write one with numpy.save ` +
        '(an .npz archive is given by --data)',
    )
  }
  let parsed
  try {
    checkHeader(buffer, path)
    parsed = parse(buffer, { convertFloat16: false })
  } catch (error) {
    if (error instanceof ConfigError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new ConfigError(
      'ROBENCH_DATA',
      `${path}: cannot be read as .npy (${reason}); ` +
        'it is truncated, or its type is not a plain little-endian number',
      { cause: error },
    )
  }
  const { shape, dtype, fortranOrder } = parsed
  // By its type, the package returns a view; for booleans it returns a plain array.
  const data: ArrayLike<unknown> = Object(parsed.data)
  const array = { path, dtype: numpyNames[dtype] ?? dtype, shape, data }
  if (fortranOrder && shape.length > 1) {
    refuseArray(array, 'is in Fortran order; save numpy.ascontiguousarray(x)')
  }
  const size = sizeOf(shape)
  if (data.length !== size) {
    refuseArray(
      array,
      `its header says [${shape.join(', ')}], that is ${size} elements, got ${data.length}; ` +
        'the file is truncated or damaged',
    )
  }
  return array
}

/** Types that are read: booleans, integers, and floats. */
const plainType = /^[<|]([biu]1|[iuf][248])$/

/** The most axes of an array of NumPy. */
const mostAxes = 64

/**
 * The package reads what it finds; here, the head must be a dictionary of the three keys, and the
 * sizes whole numbers.
 */
function checkHeader(buffer: ArrayBuffer, path: string): void {
  const view = new DataView(buffer)
  const major = view.getUint8(6)
  const start = major <= 1 ? 10 : 12
  const length = major <= 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  if (major > 3) throw new Error(`unknown version ${major}`)
  if (start + length > buffer.byteLength) throw new Error('its head is cut off')
  const head = new TextDecoder('latin1').decode(new Uint8Array(buffer, start, length))
  const [, type = ''] = /'descr'\s*:\s*'([^']*)'/.exec(head) ?? []
  const [, sizes] = /'shape'\s*:\s*\(([^)]*)\)/.exec(head) ?? []
  if (sizes === undefined || !/'fortran_order'\s*:\s*(True|False)/.test(head)) {
    throw new Error('its head is not one of NumPy')
  }
  if (/^>[iuf][248]$/.test(type)) {
    const name = numpyNames[type.slice(1)]
    refuseArray({ path }, `is big-endian ("${type}"); save array.astype('${name}')`)
  }
  if (!plainType.test(type)) throw new Error(`unsupported type "${type.slice(0, 20)}"`)
  const parts = sizes.split(',').map((size) => size.trim())
  const axes = parts.at(-1) === '' ? parts.slice(0, -1) : parts
  if (axes.length > mostAxes) throw new Error(`${axes.length} axes, expected at most ${mostAxes}`)
  const wrong = axes.find((size) => !/^\d{1,15}$/.test(size))
  if (wrong !== undefined) {
    throw new Error(`expected whole numbers as its shape, got "${wrong.slice(0, 20)}"`)
  }
}

const numpyNames: Readonly<Record<string, string>> = {
  b1: 'bool',
  i1: 'int8',
  u1: 'uint8',
  i2: 'int16',
  u2: 'uint16',
  i4: 'int32',
  u4: 'uint32',
  i8: 'int64',
  u8: 'uint64',
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
}

/**
 * Reads a whole file in chunks into one buffer, because fs.readFile is limited to 2 GiB.
 * @throws ConfigError ROBENCH_DATA if it is missing or cannot be read
 */
export async function readBuffer(path: string): Promise<ArrayBuffer> {
  const pieceSize = 2 ** 28
  let handle
  try {
    const limits = { code: 'ROBENCH_DATA', mostBytes: maxDatasetBytes } as const
    // Before it is opened: a pipe would wait for a writer.
    requireFile(await stat(path), limits, path)
    handle = await open(path)
    const { size } = await handle.stat()
    const buffer = new ArrayBuffer(size)
    let offset = 0
    while (offset < size) {
      const piece = new Uint8Array(buffer, offset, Math.min(pieceSize, size - offset))
      const { bytesRead } = await handle.read(piece, 0, piece.length, offset)
      if (bytesRead === 0) break
      offset += bytesRead
    }
    return buffer
  } catch (error) {
    if (error instanceof ConfigError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    const problem = code === 'ENOENT' ? 'not found' : `cannot be read (${message})`
    throw new ConfigError('ROBENCH_DATA', `${path}: ${problem}`, { cause: error })
  } finally {
    await handle?.close()
  }
}

/** @throws ConfigError ROBENCH_DATA that names the array's file */
export function refuseArray({ path }: Pick<NpyArray, 'path'>, problem: string): never {
  throw new ConfigError('ROBENCH_DATA', `${path}: ${problem}`)
}
