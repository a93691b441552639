/** On which execution provider onnxruntime runs each node of a graph. */
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ort } from './onnxruntime.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { toOnnx } from './serialize.ts'
import { finishFor, ortTensor, type SessionOptions } from './session.ts'
import { executionProvider } from './session-device.ts'
import type { Value } from './value.ts'

/** The number of nodes by operator. */
export type NodeCounts = ReadonlyMap<string, number>

/** An event of onnxruntime's profile. */
interface ProfileEvent {
  readonly cat?: string
  readonly name?: string
  readonly args?: { readonly op_name?: string; readonly provider?: string }
}

/**
 * Runs a graph once with onnxruntime's profiler.
 * @param options the device, such as `cuda:1`, and the precision
 * @returns the nodes by provider, such as `CPUExecutionProvider`, without copies between providers
 */
export async function nodesByProvider(
  outputs: Readonly<Record<string, Value>>,
  inputs: readonly Value[],
  feeds: Readonly<Record<string, Tensor>>,
  options: SessionOptions,
): Promise<ReadonlyMap<string, NodeCounts>> {
  const finish = await finishFor(Object.values(outputs), options)
  const folder = await mkdtemp(join(tmpdir(), 'robench-profile-'))
  try {
    const session = await ort.InferenceSession.create(toOnnx(outputs, inputs, {}, finish), {
      executionProviders: [executionProvider(options.device ?? 'cpu')],
      intraOpNumThreads: 1,
      enableProfiling: true,
      profileFilePrefix: join(folder, 'profile'),
      logSeverityLevel: 4,
    })
    await session.run(
      Object.fromEntries(session.inputNames.map((name) => [name, ortTensor(feeds[name]!)])),
    )
    session.endProfiling()
    await session.release()
    const [file] = await readdir(folder)
    return file === undefined ? new Map() : countNodes(await readFile(join(folder, file), 'utf8'))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function countNodes(profile: string): ReadonlyMap<string, NodeCounts> {
  const events = JSON.parse(profile) as readonly ProfileEvent[]
  const counts = new Map<string, Map<string, number>>()
  for (const { cat, name = '', args } of events) {
    if (cat !== 'Node' || !name.endsWith('_kernel_time') || !args?.provider) continue
    const { provider, op_name: op = '' } = args
    if (op.startsWith('Memcpy')) continue
    const own = counts.get(provider) ?? new Map<string, number>()
    counts.set(provider, own.set(op, (own.get(op) ?? 0) + 1))
  }
  return counts
}
