/** NumPy's .npy format: one array of numbers. */
import { open } from 'node:fs/promises'
import { parse } from 'npyjs'
import { ConfigError } from '../../base/errors.ts'
import { sizeOf } from '../../engine/tensor/tensor.ts'

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
    parsed = parse(buffer, { convertFloat16: false })
  } catch (error) {
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
