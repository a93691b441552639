/** Names of devices. */
import { ConfigError, didYouMean } from '../base/errors.ts'
import { computesInHalf } from '../engine/graph/session-device.ts'

/** Execution providers of onnxruntime that robench can use, and what they run on. */
export const providers = {
  cpu: 'the processor',
  cuda: 'NVIDIA GPUs, with CUDA',
  tensorrt: 'NVIDIA GPUs, with TensorRT',
  webgpu: 'any GPU, with Vulkan, Metal, or Direct3D 12',
  dml: 'any GPU on Windows, with DirectML',
  coreml: "Apple's processors, with Core ML",
} as const

/** The name of an execution provider. */
export type ProviderId = keyof typeof providers

/** A device of this machine. */
export interface Device {
  readonly provider: ProviderId
  /** Number of the device among those of the provider; undefined for the default. */
  readonly index?: number
}

const indexed: readonly ProviderId[] = ['cuda', 'tensorrt', 'webgpu', 'dml']

/**
 * Reads a device such as `cpu`, `cuda`, or `cuda:1`, and `cuda:1/float16` with a precision.
 * @param where the option or key, for messages
 * @throws ConfigError for an unknown provider, or a number where none is possible
 */
export function parseDevice(text: string, where = '--device'): Device {
  const [place = '', precision, ...more] = text.split('/')
  if (more.length > 0 || (precision !== undefined && !computesInHalf(text))) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where}: unknown precision in "${text}" (expected float16, as in cuda/float16, or none)`,
    )
  }
  const [name = '', number, ...rest] = place.split(':')
  const names = Object.keys(providers)
  const provider = names.find((id): id is ProviderId => id === name)
  if (!provider) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where}: unknown device "${place}"${didYouMean(name, names)} (expected ` +
        `${names.join(', ')}, or auto; a number selects one of several, as in cuda:1)`,
    )
  }
  if (number === undefined) return { provider }
  if (!indexed.includes(provider)) {
    throw new ConfigError('ROBENCH_CONFIG', `${where}: ${provider} has no device numbers`)
  }
  if (rest.length > 0 || !/^\d{1,3}$/.test(number)) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where}: expected a number after "${provider}:", got "${place}"`,
    )
  }
  return { provider, index: Number(number) }
}
