/** Elapsed time until a model and its gradient are ready, in a process with a worker's settings. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { allocatorSettings } from '../../dist/core/machine/allocator.js'

const child = fileURLToPath(new URL('./session-time-child.mjs', import.meta.url))
const runs = 5

export const benches = [
  {
    id: 'sessions-resnet18',
    title: 'load CIFAR ResNet-18, 64 channels, and compile its gradient: elapsed time',
    unit: 's',
    bar: { atMost: 2 },
    run: measure,
  },
]

async function measure() {
  const seconds = Array.from({ length: runs }, secondsInChild).toSorted((a, b) => a - b)
  return { value: seconds[(runs - 1) / 2], spread: [seconds[0], seconds.at(-1)] }
}

function secondsInChild() {
  const { status, stdout, stderr } = spawnSync(process.execPath, [child], {
    encoding: 'utf8',
    env: { ...process.env, ...allocatorSettings() },
  })
  if (status !== 0) throw new Error(stderr)
  return Number(stdout)
}
