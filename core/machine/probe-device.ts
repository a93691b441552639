/** Tries devices in a process of their own, since a provider that fails can end its process. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { packageRoot } from '../base/paths.ts'

/** Whether a device computes. */
export type ProbeResult =
  | { readonly works: true }
  | {
      readonly works: false
      /** One line. */
      readonly reason: string
    }

/** The built file, which a new process can run. */
const child = join(packageRoot(), 'dist', 'core', 'machine', 'probe-child.js')

/**
 * Computes a small product on a device in a new process.
 * @param device as `Session` takes it, such as `cuda:1`
 * @param timeLimitMs after which the process is killed
 */
export async function probeDevice(device: string, timeLimitMs = 60_000): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const options = { timeout: timeLimitMs, killSignal: 'SIGKILL', encoding: 'utf8' } as const
    execFile(process.execPath, [child, device], options, (error, _stdout, stderr) => {
      if (!error) resolve({ works: true })
      else if (error.killed)
        resolve({ works: false, reason: `no answer in ${timeLimitMs / 1000} s` })
      else if (error.signal) resolve({ works: false, reason: `ended by ${error.signal}` })
      else resolve({ works: false, reason: plainReason(stderr) })
    })
  })
}

/** The cause within onnxruntime's message, without file names and stack of its source. */
export function plainReason(message: string): string {
  const library = /(lib[\w.+-]+\.so[\w.]*): cannot open shared object file/.exec(message)?.[1]
  if (library) return `the library ${library} is not found`
  if (/backend not found|not available|Unknown execution provider/i.test(message)) {
    return 'this build of onnxruntime does not have it'
  }
  if (/No supported adapters/i.test(message)) {
    const lacking = /Vulkan (\S+) required/.exec(message)?.[1]
    const driver = lacking === undefined ? '' : `: the Vulkan driver lacks ${lacking}`
    return `no GPU that it can use is found${driver}`
  }
  const lines = message
    .replaceAll(/\S*\/\S+\.(cc|h|cpp):\d+/g, '')
    .split('\n')
    .map((line) => line.trim())
    // Of a graphics library, whatever the cause.
    .filter((line) => line !== '' && !line.includes('XDG_RUNTIME_DIR'))
  const line = lines.find((text) => /fail|error|cannot|no /i.test(text)) ?? lines[0]
  return line === undefined ? 'it ended without a message' : line.slice(0, 200)
}
