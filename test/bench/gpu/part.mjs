/** Shared by the parts: options, examples, and a file that is written after each figure. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { packageRoot } from '../../../dist/core/base/paths.js'

const { values } = parseArgs({
  options: {
    device: { type: 'string', default: 'cpu' },
    network: { type: 'string', default: 'shipped' },
    json: { type: 'string' },
    small: { type: 'boolean', default: false },
  },
})

export const { device, network, small } = values
export const root = packageRoot()
export const examplesFile = join(root, 'examples.bin')
const figures = {}

/** Keeps a figure, in the file too. */
export function record(name, value) {
  figures[name] = value
  if (values.json) writeFileSync(values.json, JSON.stringify(figures))
}

/** Median seconds of a call: two warm-up calls, then repeats for about a second, three at least. */
export async function medianSeconds(call, budget = 1) {
  await call()
  await call()
  const times = []
  const end = performance.now() + budget * 1000
  while (times.length < 3 || (performance.now() < end && times.length < 100)) {
    const started = performance.now()
    await call()
    times.push((performance.now() - started) / 1000)
  }
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]
}
