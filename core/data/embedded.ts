/**
 * The embedded `quickstart` set: small procedural images to try robench without a download. It is a
 * toy: its results do not generalize to real data, and it is never ranked.
 *
 * A class is one of five shapes and one of two stripe directions. The shape is large and has high
 * contrast, so a perturbation of 8/255 cannot hide it; the stripes are fine and of any contrast, so
 * often it can. A network that relies on the stripes is accurate but not robust, as on natural
 * images (Ilyas et al. 2019, arXiv:1905.02175).
 */
import { randomStream } from '../base/random.ts'
import type { RandomStream } from '../base/random.ts'
import type { Dataset, Split } from './dataset.ts'
import { memoryDataset } from './memory-dataset.ts'

/** The id of the embedded set. */
export const embeddedId = 'quickstart'
/** `[channels, height, width]` of its images. */
export const embeddedShape = [3, 32, 32] as const
/** Number of images per split. */
export const embeddedCounts: Readonly<Record<Split, number>> = { train: 4000, test: 1000 }

/** Part of every random stream: another version is another data set. */
const version = 1
const side = 32
const middle = (side - 1) / 2

// These determine how hard the set is: in units of 1/255, drawn per example from [low, high].
const shapeContrast = [30, 110] as const
const stripeAmplitude = [1, 32] as const
const backgroundLevel = [80, 176] as const
/** The difference in brightness between two opposite edges of the background. */
const gradientContrast = [0, 40] as const
const blobContrast = [6, 20] as const
const blobCount = 4
/** Standard deviation of the noise of each value. */
const noiseDeviation = 16

// Geometry in pixels, angles in radians.
const shapeRadius = [8, 11] as const
/** Largest distance of the center from the middle of the image, along each axis. */
const shapeShift = 4
const shapeTurn = Math.PI / 8
const stripePeriod = [5, 6] as const
const blobRadius = [2.5, 6] as const

/** Distance from an outline, negative inside; all values are in units of the radius. */
type SignedDistance = (u: number, v: number) => number

const shapes: readonly { readonly name: string; readonly distance: SignedDistance }[] = [
  { name: 'disc', distance: (u, v) => Math.hypot(u, v) - 0.8 },
  { name: 'ring', distance: (u, v) => Math.abs(Math.hypot(u, v) - 0.75) - 0.22 },
  { name: 'bar', distance: (u, v) => Math.max(Math.abs(u) - 1.05, Math.abs(v) - 0.32) },
  {
    name: 'cross',
    distance: (u, v) =>
      Math.min(
        Math.max(Math.abs(u) - 1, Math.abs(v) - 0.26),
        Math.max(Math.abs(v) - 1, Math.abs(u) - 0.26),
      ),
  },
  { name: 'pair', distance: (u, v) => Math.hypot(u, Math.abs(v) - 0.68) - 0.42 },
]
const directions = ['level', 'upright'] as const

/** `[shape, direction]` of class k is `[k mod 5, floor(k / 5)]`. */
const classNames = directions.flatMap((direction) =>
  shapes.map(({ name }) => `${name} on ${direction} stripes`),
)

/** The 4,000 training or 1,000 test images `[3, 32, 32]`; the same bytes on every machine. */
export function embeddedDataset(split: Split, bounds?: Dataset['bounds']): Dataset {
  const count = embeddedCounts[split]
  const size = 3 * side * side
  const pixels = new Uint8Array(count * size)
  // Classes alternate, so that the first n examples are balanced too.
  const labels = Int32Array.from({ length: count }, (_, example) => example % classNames.length)
  for (let example = 0; example < count; example++) {
    const random = randomStream(embeddedId, version, split, example)
    paint(labels[example]!, random, pixels.subarray(example * size, (example + 1) * size))
  }
  return memoryDataset({
    id: embeddedId,
    title: 'Quickstart (procedural toy set)',
    split,
    toy: true,
    shape: embeddedShape,
    classNames,
    pixels,
    labels,
    ...(bounds && { bounds }),
  })
}

function paint(label: number, random: RandomStream, image: Uint8Array): void {
  const picture = new Float64Array(3 * side * side)
  paintBackground(random, picture)
  for (let blob = 0; blob < blobCount; blob++) paintBlob(random, picture)
  paintShape(shapes[label % shapes.length]!.distance, random, picture)
  paintStripes(label < shapes.length ? 'level' : 'upright', random, picture)
  quantize(random, picture, image)
}

function paintBackground(random: RandomStream, picture: Float64Array): void {
  const angle = 2 * Math.PI * random.uniform()
  const across = Math.cos(angle) / side
  const down = Math.sin(angle) / side
  for (let channel = 0; channel < 3; channel++) {
    const level = between(random, backgroundLevel)
    const contrast = between(random, gradientContrast)
    for (let y = 0, index = channel * side * side; y < side; y++) {
      for (let x = 0; x < side; x++, index++) {
        picture[index] = level + contrast * (across * (x - middle) + down * (y - middle))
      }
    }
  }
}

/** A soft spot of another color: the product of a Gaussian in x and one in y. */
function paintBlob(random: RandomStream, picture: Float64Array): void {
  const radius = between(random, blobRadius)
  const overX = bell(side * random.uniform(), radius)
  const overY = bell(side * random.uniform(), radius)
  const color = [0, 1, 2].map(() => sign(random) * between(random, blobContrast))
  addColor(picture, color, (x, y) => overX[x]! * overY[y]!)
}

function bell(center: number, radius: number): Float64Array {
  return Float64Array.from({ length: side }, (_, i) =>
    Math.exp(-((i - center) ** 2) / (2 * radius * radius)),
  )
}

function paintShape(distance: SignedDistance, random: RandomStream, picture: Float64Array): void {
  const centerX = middle + shapeShift * (2 * random.uniform() - 1)
  const centerY = middle + shapeShift * (2 * random.uniform() - 1)
  const radius = between(random, shapeRadius)
  const turn = shapeTurn * (2 * random.uniform() - 1)
  const cosine = Math.cos(turn) / radius
  const sine = Math.sin(turn) / radius
  const brighter = sign(random)
  const color = [0, 1, 2].map(() => brighter * between(random, shapeContrast))
  addColor(picture, color, (x, y) => {
    const u = cosine * (x - centerX) + sine * (y - centerY)
    const v = cosine * (y - centerY) - sine * (x - centerX)
    // An edge one pixel wide.
    return Math.min(1, Math.max(0, 0.5 - distance(u, v) * radius))
  })
}

function paintStripes(
  direction: (typeof directions)[number],
  random: RandomStream,
  picture: Float64Array,
): void {
  const amplitude = between(random, stripeAmplitude)
  const frequency = (2 * Math.PI) / between(random, stripePeriod)
  const phase = 2 * Math.PI * random.uniform()
  const wave = Float64Array.from({ length: side }, (_, i) => Math.sin(frequency * i + phase))
  const color = [amplitude, amplitude, amplitude]
  addColor(picture, color, direction === 'level' ? (_, y) => wave[y]! : (x) => wave[x]!)
}

/**
 * Adds noise and rounds to 8 bits. The sum of two uniform bytes has a triangular distribution,
 * which is close to a Gaussian and fast.
 */
function quantize(random: RandomStream, picture: Float64Array, image: Uint8Array): void {
  const scale = noiseDeviation / Math.sqrt((256 ** 2 - 1) / 6)
  for (let index = 0; index < picture.length; index += 2) {
    const bits = random.bits()
    const first = (bits & 255) + ((bits >>> 8) & 255) - 255
    const second = ((bits >>> 16) & 255) + (bits >>> 24) - 255
    image[index] = toByte(picture[index]! + scale * first)
    image[index + 1] = toByte(picture[index + 1]! + scale * second)
  }
}

function toByte(value: number): number {
  return Math.min(255, Math.max(0, Math.round(value)))
}

/** Adds `color` (one value for each channel), weighted by a mask of the pixel's position. */
function addColor(
  picture: Float64Array,
  color: readonly number[],
  mask: (x: number, y: number) => number,
): void {
  const plane = side * side
  const [red = 0, green = 0, blue = 0] = color
  for (let y = 0, index = 0; y < side; y++) {
    for (let x = 0; x < side; x++, index++) {
      const weight = mask(x, y)
      picture[index]! += red * weight
      picture[plane + index]! += green * weight
      picture[2 * plane + index]! += blue * weight
    }
  }
}

function between(random: RandomStream, [low, high]: readonly [number, number]): number {
  return low + (high - low) * random.uniform()
}

function sign(random: RandomStream): 1 | -1 {
  return random.bits() & 1 ? 1 : -1
}
