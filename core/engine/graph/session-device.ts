/**
 * Devices as sessions take them: an execution provider of onnxruntime or TensorFlow.js, the number
 * of one of several, and a precision, as in `cuda:1/float16`.
 */

/** The device that stands for TensorFlow.js. */
export const tfjsDevice = 'tfjs'

/** What follows the name of a device on which gradient passes compute in half precision. */
const inHalf = '/float16'

/** Whether gradient passes compute in half precision. */
export function computesInHalf(device: string): boolean {
  return device.endsWith(inHalf)
}

/** The device without its precision. */
export function withoutPrecision(device: string): string {
  return computesInHalf(device) ? device.slice(0, -inHalf.length) : device
}

/** The device without its number: devices of one kind give the same outcomes. */
export function deviceKind(device: string): string {
  return device.replace(/:\d+/, '')
}

/** Whether passes run on the processor, in its memory. */
export function usesProcessor(device: string): boolean {
  const plain = withoutPrecision(device)
  return plain === 'cpu' || plain === tfjsDevice
}

/** The device for onnxruntime. */
export function executionProvider(device: string): string | { name: string; deviceId: number } {
  const [name, id] = withoutPrecision(device).split(':')
  return id === undefined ? name! : { name: name!, deviceId: Number(id) }
}
