/** What corruptions do with color, and with images that have none. */
import { clip, hasColor } from './image.ts'
import type { Image } from './image.ts'

/**
 * Brightness: adds to the value V = max(red, green, blue), clipped, and scales the color with it.
 * Without color every channel is a value of its own.
 */
export function changeBrightness(image: Image, added: number): Image {
  if (!hasColor(image)) return { ...image, data: image.data.map((value) => clip(value + added)) }
  return mapColors(image, (color) => {
    const value = Math.max(...color)
    const raised = clip(value + added)
    return value > 0 ? color.map((part) => (part * raised) / value) : [raised, raised, raised]
  })
}

/**
 * Makes the saturation S = (max − min) / max into clip(factor · S + added); hue and value stay. A gray pixel counts as red,
 * as its hue 0 says, so that what is `added` tints it (as in the original). Without color nothing changes.
 */
export function changeSaturation(image: Image, factor: number, added: number): Image {
  if (!hasColor(image)) return image
  return mapColors(image, (color) => {
    const value = Math.max(...color)
    const range = value - Math.min(...color)
    const saturation = clip(factor * (value > 0 ? range / value : 0) + added)
    // How far each part is from the value, from 0 to 1: fixed by the hue.
    const distances = range > 0 ? color.map((part) => (value - part) / range) : [0, 1, 1]
    return distances.map((distance) => value * (1 - saturation * distance))
  })
}

/** `[h, w]`: the luma of colors, the mean of any other number of channels. */
export function grayOf(image: Image): Float64Array {
  const { channels, height, width, data } = image
  const plane = height * width
  const means = new Float64Array(plane)
  for (let place = 0; place < plane; place++) {
    if (hasColor(image)) {
      means[place] = luma(data[place]!, data[plane + place]!, data[2 * plane + place]!)
      continue
    }
    for (let channel = 0; channel < channels; channel++) {
      means[place]! += data[channel * plane + place]! / channels
    }
  }
  return means
}

/** A color for images of three channels; others get its luma. */
export function inkOf(
  image: Image,
  color: readonly [number, number, number],
): (channel: number) => number {
  if (!hasColor(image)) return () => luma(...color)
  return (channel) => color[channel]!
}

function mapColors(image: Image, change: (color: readonly number[]) => readonly number[]): Image {
  const plane = image.height * image.width
  const data = new Float64Array(image.data.length)
  for (let place = 0; place < plane; place++) {
    const color = [0, 1, 2].map((channel) => image.data[channel * plane + place]!)
    change(color).forEach((part, channel) => {
      data[channel * plane + place] = part
    })
  }
  return { ...image, data }
}

/** The brightness of a color, as OpenCV and JPEG weigh it (ITU-R BT.601). */
function luma(red: number, green: number, blue: number): number {
  return 0.299 * red + 0.587 * green + 0.114 * blue
}
