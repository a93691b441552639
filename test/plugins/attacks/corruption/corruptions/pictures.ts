/** Images shared by the tests of corruptions. */
import { embeddedDataset } from '../../../../../core/data/embedded.ts'
import { randomStream } from '../../../../../core/base/random.ts'
import type { Image } from '../../../../../plugins/attacks/corruption/corruptions/image.ts'

/** The first `count` images of the embedded data set, `[3, 32, 32]`. */
export function embeddedPictures(count: number): Image[] {
  const { data } = embeddedDataset('test').rows(Array.from({ length: count }, (_, i) => i))
  const size = 3 * 32 * 32
  return Array.from({ length: count }, (_, i) => ({
    channels: 3,
    height: 32,
    width: 32,
    data: Float64Array.from(data.subarray(i * size, (i + 1) * size)),
  }))
}

/** An image of uniform random 8-bit values. */
export function randomPicture(channels: number, height: number, width: number): Image {
  const stream = randomStream('random picture', channels, height, width)
  const data = Float64Array.from(
    { length: channels * height * width },
    () => stream.integer(256) / 255,
  )
  return { channels, height, width, data }
}

/** An image `[3, 32, 32]` of one value. */
export function constantPicture(value: number): Image {
  return { channels: 3, height: 32, width: 32, data: new Float64Array(3 * 32 * 32).fill(value) }
}
