/** Brightness, saturation, and luma of color images and of images without color. */
import { clip, hasColor } from './image.ts'
import type { Image } from './image.ts'

/**
 * Adds to the value V = max(red, green, blue), clips it to [0, 1], and scales the color by the same
 * factor. In an image without color each channel is changed on its own.
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
 * Replaces the saturation S = (max − min) / max by clip(factor · S + added); hue and value do not
 * change. A gray pixel has hue 0 (red), so `added` tints it red, as in the authors' code. An image
 * without color is returned unchanged.
 */
export function changeSaturation(image: Image, factor: number, added: number): Image {
  if (!hasColor(image)) return image
  return mapColors(image, (color) => {
    const value = Math.max(...color)
    const range = value - Math.min(...color)
    const saturation = clip(factor * (value > 0 ? range / value : 0) + added)
    // The distance of each part from the value, from 0 to 1, depends on the hue only.
    const distances = range > 0 ? color.map((part) => (value - part) / range) : [0, 1, 1]
    return distances.map((distance) => value * (1 - saturation * distance))
  })
}

/** `[h, w]`: the luma of a color image, or the mean over the channels of any other image. */
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

/** The value of a color in each channel: its red, green, and blue, or its luma without color. */
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

/** Luma with the weights of OpenCV and JPEG (ITU-R BT.601). */
function luma(red: number, green: number, blue: number): number {
  return 0.299 * red + 0.587 * green + 0.114 * blue
}
