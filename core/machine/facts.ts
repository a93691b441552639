/** What this machine has, and which devices work. */
import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { ort } from '../engine/graph/onnxruntime.ts'
import { providers, type ProviderId } from './device.ts'
import { nvidiaGpus, type Gpu } from './gpus.ts'
import { installAdvice } from './install-advice.ts'
import { probeDevice } from './probe-device.ts'

/** An execution provider on this machine. */
export interface ProviderFacts {
  readonly provider: ProviderId
  /** What it runs on. */
  readonly runsOn: string
  /** In the package onnxruntime-node. */
  readonly bundled: boolean
  /** Its library was found beside the package's own; always true for a bundled one. */
  readonly found: boolean
  /** It computed a small product. */
  readonly works: boolean
  /** Why it does not work. */
  readonly reason?: string
  /** What to do; lines of text, commands indented by two spaces. */
  readonly advice?: readonly string[]
}

/** What `robench doctor` reports. */
export interface MachineFacts {
  readonly system: string
  readonly processor: string
  /** Cores that this process may use. */
  readonly cores: number
  /** Bytes; a container's limit is stated apart. */
  readonly memoryBytes: number
  readonly availableBytes: number
  /** Limit of the container; undefined without one. */
  readonly containerBytes?: number
  readonly gpus: readonly Gpu[]
  readonly versions: { readonly node: string; readonly onnxruntime: string }
  readonly providers: readonly ProviderFacts[]
}

/** Looks at this machine. Trying the providers takes a few seconds. */
export async function machineFacts(): Promise<MachineFacts> {
  const total = totalmem()
  const limit = process.constrainedMemory()
  const gpus = await nvidiaGpus()
  const found: ProviderFacts[] = []
  for (const provider of possibleProviders()) found.push(await providerFacts(provider, gpus))
  return {
    system: `${process.platform} ${process.arch}`,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: total,
    availableBytes: process.availableMemory(),
    ...(limit > 0 && limit < total && { containerBytes: limit }),
    gpus,
    versions: { node: process.versions.node, onnxruntime: onnxruntimeVersion() },
    providers: found,
  }
}

/** Providers that exist for this system. */
function possibleProviders(): ProviderId[] {
  const elsewhere: Partial<Record<ProviderId, boolean>> = {
    dml: process.platform !== 'win32',
    coreml: process.platform !== 'darwin',
    cuda: process.platform === 'darwin',
    tensorrt: process.platform === 'darwin',
  }
  return (Object.keys(providers) as ProviderId[]).filter((id) => elsewhere[id] !== true)
}

async function providerFacts(provider: ProviderId, gpus: readonly Gpu[]): Promise<ProviderFacts> {
  const bundled = ort
    .listSupportedBackends()
    .some(({ name, bundled: has }) => name === provider && has)
  const library = `onnxruntime_providers_${provider}.`
  const found = bundled || readdirSync(bindingFolder()).some((name) => name.includes(library))
  const result = await probeDevice(provider)
  const facts = { provider, runsOn: providers[provider], bundled, found, works: result.works }
  if (result.works) return facts
  const { reason } = result
  const advice = installAdvice({
    provider,
    found,
    reason,
    gpus: gpus.length,
    folder: bindingFolder(),
    version: onnxruntimeVersion(),
  })
  return { ...facts, reason, ...(advice.length > 0 && { advice }) }
}

/** The directory of onnxruntime's native libraries. */
export function bindingFolder(): string {
  const root = dirname(packageFile())
  for (const version of ['napi-v6', 'napi-v3']) {
    const folder = join(root, 'bin', version, process.platform, process.arch)
    if (existsSync(folder)) return folder
  }
  return root
}

function packageFile(): string {
  return createRequire(import.meta.url).resolve('onnxruntime-node/package.json')
}

function onnxruntimeVersion(): string {
  return (createRequire(import.meta.url)(packageFile()) as { version: string }).version
}
