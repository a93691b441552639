/** The GPUs of this machine that CUDA can use. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** A GPU as `nvidia-smi` describes it. */
export interface Gpu {
  readonly index: number
  readonly uuid: string
  readonly name: string
  readonly memoryBytes: number
  /** Version of the driver. */
  readonly driver: string
}

const query = [
  '--query-gpu=index,uuid,name,memory.total,driver_version',
  '--format=csv,noheader,nounits',
]

/** Asks `nvidia-smi`. Returns no GPU where it is missing, fails, or takes over 10 seconds. */
export async function nvidiaGpus(command = 'nvidia-smi'): Promise<Gpu[]> {
  try {
    const { stdout } = await promisify(execFile)(command, query, { timeout: 10_000 })
    return parseGpus(stdout)
  } catch {
    return []
  }
}

/** Reads the lines that `nvidia-smi` prints. Lines of another form are left out. */
export function parseGpus(text: string): Gpu[] {
  return text.split('\n').flatMap((line) => {
    const match = /^(\d+), ([^,]+), (.+), (\d+), ([\d.]+)$/.exec(line.trim())
    if (!match) return []
    const [, index, uuid, name, mebibytes, driver] = match
    return [
      {
        index: Number(index),
        uuid: uuid!,
        name: name!,
        memoryBytes: Number(mebibytes) * 2 ** 20,
        driver: driver!,
      },
    ]
  })
}

/**
 * The values of CUDA_VISIBLE_DEVICES with which each process sees one GPU.
 * @param visible the variable of this process, which limits the choice; undefined for all GPUs
 */
export function gpuForEachProcess(gpus: readonly Gpu[], visible: string | undefined): string[] {
  if (visible === undefined) return gpus.map(({ index }) => String(index))
  const names = visible.split(',').map((name) => name.trim())
  // CUDA ignores what follows an invalid entry.
  const end = names.findIndex((name) => !/^(\d+|(GPU|MIG)-[\w-/]+)$/.test(name))
  return end === -1 ? names : names.slice(0, end)
}
