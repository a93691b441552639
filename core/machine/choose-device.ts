/** Which device a run uses. */
import { ConfigError } from '../base/errors.ts'
import { tfjsDevice, withoutPrecision } from '../engine/graph/session-device.ts'
import { parseDevice, type Device } from './device.ts'
import { gpuForEachProcess, nvidiaGpus, type Gpu } from './gpus.ts'
import { probeDevice, type ProbeResult } from './probe-device.ts'

/** A device that was seen to compute. */
export interface ChosenDevice {
  /** As `Session` takes it, such as `cuda:1`. */
  readonly device: string
  /**
   * Environment variables for each process of a pool, so that each uses a GPU of its own. Empty if
   * all processes use the same device.
   */
  readonly environments: readonly Readonly<Record<string, string>>[]
  /** For `auto`: what was chosen and why. */
  readonly remark?: string
}

/** What `chooseDevice` asks the machine. */
export interface Machine {
  readonly platform: NodeJS.Platform
  readonly gpus: () => Promise<readonly Gpu[]>
  readonly probe: (device: string) => Promise<ProbeResult>
  /** CUDA_VISIBLE_DEVICES. */
  readonly visible: string | undefined
}

const thisMachine: Machine = {
  platform: process.platform,
  gpus: nvidiaGpus,
  probe: probeDevice,
  visible: process.env['CUDA_VISIBLE_DEVICES'],
}

/**
 * Checks that a device computes. `auto` takes CUDA if there is an NVIDIA GPU, else DirectML on
 * Windows, else Core ML on macOS, else the CPU. It never takes WebGPU, whose adapter may be software.
 * @param text the value of `--device`, with or without a precision, as in `cuda/float16`
 * @throws ConfigError for a name that is no device; ROBENCH_DEVICE if it does not
 * compute
 */
export async function chooseDevice(
  text: string,
  machine: Machine = thisMachine,
): Promise<ChosenDevice> {
  const plain = withoutPrecision(text)
  if (plain === 'auto') {
    const chosen = await chooseAutomatically(machine)
    return { ...chosen, device: chosen.device + text.slice(plain.length) }
  }
  // Not a device of onnxruntime. TensorFlow.js chooses its own back-end.
  if (text === tfjsDevice) return { device: text, environments: [] }
  const device = parseDevice(text)
  if (device.provider !== 'cpu') {
    const result = await machine.probe(plain)
    if (!result.works) {
      throw new ConfigError(
        'ROBENCH_DEVICE',
        `--device ${text}: it does not work here: ${result.reason}; ` +
          'robench doctor says what is missing',
      )
    }
  }
  return { device: text, environments: await environmentsFor(device, machine) }
}

async function chooseAutomatically(machine: Machine): Promise<ChosenDevice> {
  const gpus = await machine.gpus()
  const candidates = [
    ...(gpus.length > 0 ? ['cuda'] : []),
    ...(machine.platform === 'win32' ? ['dml'] : []),
    ...(machine.platform === 'darwin' ? ['coreml'] : []),
  ]
  const failures: string[] = gpus.length > 0 ? [] : ['no NVIDIA GPU was found']
  for (const device of candidates) {
    const result = await machine.probe(device)
    if (result.works) {
      const environments = await environmentsFor(parseDevice(device), machine)
      const count = environments.length
      const on = device === 'cuda' ? ` on ${count} ${count === 1 ? 'GPU' : 'GPUs'}` : ''
      return { device, environments, remark: `--device auto: ${device}${on}` }
    }
    failures.push(`${device} does not work: ${result.reason}`)
  }
  return {
    device: 'cpu',
    environments: [],
    remark: `--device auto: cpu (${failures.join('; ')})`,
  }
}

/** One environment for each GPU if the device names no single one. */
async function environmentsFor(
  { provider, index }: Device,
  machine: Machine,
): Promise<Record<string, string>[]> {
  if ((provider !== 'cuda' && provider !== 'tensorrt') || index !== undefined) return []
  const names = gpuForEachProcess(await machine.gpus(), machine.visible)
  return names.map((name) => ({ CUDA_VISIBLE_DEVICES: name }))
}
