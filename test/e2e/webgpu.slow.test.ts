/** WebGPU on the software Vulkan driver SwiftShader, which Debian's chromium package has. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { finished, mainScript, temporaryFolder, writeJson } from './support/cli.ts'
import type { CliResult } from './support/cli.ts'
import { readOnlyResult } from './support/suite.ts'

const driver = '/usr/lib/chromium/vk_swiftshader_icd.json'
const loader = '/usr/lib/x86_64-linux-gnu/libvulkan.so.1'
const hasDriver = existsSync(driver) && existsSync(loader)
const root = fileURLToPath(new URL('../..', import.meta.url))

/** Runs a script of Node.js with the software driver. */
function withDriver(folder: string, ...words: readonly string[]): Promise<CliResult> {
  const runtime = join(folder, 'runtime')
  mkdirSync(runtime, { recursive: true })
  const child = spawn(process.execPath, words, {
    cwd: folder,
    env: {
      ...process.env,
      VK_DRIVER_FILES: driver,
      VK_ICD_FILENAMES: driver,
      XDG_RUNTIME_DIR: runtime,
      ROBENCH_CACHE: join(folder, 'cache'),
      NO_COLOR: '1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return finished(child)
}

test.skipIf(!hasDriver)(
  'logits, gradients, a training step, and adversarial training are those of the CPU to 1e-3',
  async () => {
    const script = join(root, 'test/e2e/fixtures/device-agreement.mjs')
    const model = join(root, 'models/quickstart-pgd-at.onnx')
    const run = await withDriver(temporaryFolder(), script, 'webgpu', model)
    expect(run.code, run.stderr).toBe(0)
    const figures = JSON.parse(run.stdout) as Record<string, number>
    const { logits, gradient, weights, losses, batchesPerRun } = figures
    expect(logits).toBeLessThan(1e-3)
    expect(gradient).toBeLessThan(1e-3)
    expect(weights).toBeLessThan(1e-3)
    expect(losses).toBeLessThan(1e-3)
    expect(batchesPerRun).toBe(4)
    // Equal bits mean that the CPU computed both.
    expect(logits! + gradient! + weights!).toBeGreaterThan(0)
  },
)

test.skipIf(!hasDriver).each([
  ['pgd', { steps: 5, stepSize: '2/255' }],
  ['apgd-ce', { steps: 5 }],
])("%s has the same outcomes with steps on the device as with the host's", async (id, options) => {
  const script = join(root, 'test/e2e/fixtures/device-steps.mjs')
  const model = join(root, 'models/quickstart-pgd-at.onnx')
  const words = ['webgpu', model, id, JSON.stringify(options), '4']
  const run = await withDriver(temporaryFolder(), script, ...words)
  expect(run.code, run.stderr).toBe(0)
  const { host, device, away } = JSON.parse(run.stdout) as {
    readonly host: string
    readonly device: string
    readonly away: number
  }
  expect(device).toBe(host)
  // Steps are float32, so that points can differ in their last bits.
  expect(away).toBeLessThan(1e-6)
})

/** The quickstart on few images: the emulated device is slow. */
const suite = {
  id: 'webgpu',
  title: 'WebGPU',
  dataset: { id: 'quickstart' },
  limit: 8,
  checks: false,
  threatModels: [{ norm: 'Linf', epsilon: '8/255' }],
  defenses: ['standard', 'pgd-at'].map((name) => ({
    name,
    plugin: 'onnx-model',
    options: { file: join(root, `models/quickstart-${name}.onnx`) },
  })),
  attacks: [{ plugin: 'fgsm' }, { plugin: 'pgd', options: { steps: 3, stepSize: '2/255' } }],
}

test.skipIf(!hasDriver)('two workers attack with the outcomes of the CPU', async () => {
  const outcomes = await Promise.all(
    ['webgpu', 'cpu'].map(async (device) => {
      const folder = temporaryFolder()
      writeJson(folder, 'suite.json', suite)
      const flags = ['--device', device, '--workers', '2']
      const run = await withDriver(folder, mainScript, 'run', 'suite.json', ...flags)
      expect(run.code, run.stderr).toBe(0)
      return readOnlyResult(folder).entries.map(({ defense, attacks }) => ({
        name: defense.name,
        attacks: attacks.map((attack) => 'outcomes' in attack && attack.outcomes),
      }))
    }),
  )
  expect(outcomes[0]).toEqual(outcomes[1])
})
