/** The user's data: a pair of NumPy .npy files, inputs `[n, c, h, w]` and labels `[n]`. */
import { open } from 'node:fs/promises'
import { parse } from 'npyjs'
import { ConfigError } from '../../base/errors.ts'
import { sizeOf } from '../../engine/tensor/tensor.ts'

/** Checked inputs and labels of a .npy pair. */
export interface NpyPair {
  /** `[channels, height, width]`. */
  readonly shape: readonly [number, number, number]
  /** `[n, channels, height, width]`: 8-bit values, or float32 in [0, 1]. */
  readonly pixels: Uint8Array | Float32Array
  /** `[n]`, from 0. */
  readonly labels: Int32Array
}

interface NpyArray {
  readonly path: string
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data: unknown
}

/**
 * Reads inputs (uint8, or float32 in [0, 1]; `[n, c, h, w]`) and labels (any integer type; `[n]`,
 * from 0).
 * @throws ConfigError ROBENCH_DATA with the file: missing, not .npy, truncated, or with a wrong
 * type, shape, count or range
 */
export async function readNpyPair(inputsPath: string, labelsPath: string): Promise<NpyPair> {
  const inputs = await readNpy(inputsPath)
  const labels = toLabels(await readNpy(labelsPath))
  const [count, channels, height, width] = inputs.shape
  if (
    inputs.shape.length !== 4 ||
    count === undefined ||
    channels === undefined ||
    height === undefined ||
    width === undefined ||
    inputs.shape.includes(0)
  ) {
    fail(
      inputs,
      `expected inputs of shape [n, channels, height, width], got [${inputs.shape.join(', ')}]${
        inputs.shape.length === 3 ? '; a single channel needs its axis too: x[:, None]' : ''
      }`,
    )
  }
  if (labels.length !== count) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${labelsPath}: ${labels.length} labels for the ${count} inputs of ${inputsPath}`,
    )
  }
  return { shape: [channels, height, width], pixels: toPixels(inputs), labels }
}

async function readNpy(path: string): Promise<NpyArray> {
  const buffer = await readBuffer(path)
  const head = new TextDecoder('latin1').decode(
    new Uint8Array(buffer, 0, Math.min(buffer.byteLength, 6)),
  )
  if (head !== '\x93NUMPY') {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${path}: expected a .npy file; write one with numpy.save (a .npz archive must be unpacked)`,
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
    fail(array, 'is in Fortran order; save numpy.ascontiguousarray(x)')
  }
  const size = sizeOf(shape)
  if (data.length !== size) {
    fail(
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

/** Reads the whole file in chunks into one buffer, because fs.readFile is limited to 2 GiB. */
async function readBuffer(path: string): Promise<ArrayBuffer> {
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

function toPixels(inputs: NpyArray): Uint8Array | Float32Array {
  const { data, dtype } = inputs
  if (data instanceof Uint8Array && dtype === 'uint8') return data
  if (!(data instanceof Float32Array)) {
    fail(inputs, `expected inputs of type uint8 or float32, got ${dtype}; save x.astype('float32')`)
  }
  let low = Infinity
  let high = -Infinity
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!
    if (!Number.isFinite(value)) {
      const example = Math.floor((i * inputs.shape[0]!) / data.length)
      fail(inputs, `example ${example} contains ${value}; inputs must be finite`)
    }
    if (value < low) low = value
    if (value > high) high = value
  }
  if (low < 0 || high > 1) {
    const advice =
      low >= 0 && high <= 255
        ? 'divide by 255, or save them as uint8'
        : 'scale them to [0, 1]; normalization by mean and standard deviation belongs to ' +
          'the model (--mean, --std)'
    fail(inputs, `expected inputs in [0, 1], got values from ${low} to ${high}; ${advice}`)
  }
  return data
}

function toLabels(labels: NpyArray): Int32Array {
  const { data, dtype, shape } = labels
  if (!/^u?int/.test(dtype) || !isIntegerArray(data)) {
    fail(labels, `expected labels of an integer type, got ${dtype}; save y.astype('int64')`)
  }
  if (shape.length !== 1 || data.length === 0) {
    fail(
      labels,
      `expected labels of shape [n], got [${shape.join(', ')}]${
        shape.length === 2 ? '; save y.argmax(1) for one-hot labels, or y.ravel()' : ''
      }`,
    )
  }
  const result = new Int32Array(data.length)
  for (let i = 0; i < data.length; i++) {
    const label = Number(data[i])
    if (label < 0 || label > maxLabel) {
      fail(labels, `label ${i}: expected a class from 0 to ${maxLabel}, got ${label}`)
    }
    result[i] = label
  }
  return result
}

/** A label above this is an error in the file. */
const maxLabel = 1_000_000

function isIntegerArray(data: unknown): data is ArrayLike<number | bigint> {
  return (
    ArrayBuffer.isView(data) &&
    !(data instanceof DataView || data instanceof Float32Array || data instanceof Float64Array)
  )
}

function fail({ path }: NpyArray, problem: string): never {
  throw new ConfigError('ROBENCH_DATA', `${path}: ${problem}`)
}
