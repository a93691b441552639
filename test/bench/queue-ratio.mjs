/** A suite of 200 small cells on a queue over the same suite on the local pool, two workers each. */
import { missingRedis, runLocally, runOnQueue } from './queue-runs.mjs'

const repeats = 3

export const benches = [
  {
    id: 'queue-200-cells',
    title: '200 small cells: queue over local pool, wall time, two workers each',
    unit: '×',
    bar: { atMost: 1.1 },
    missing: () => missingRedis(),
    run: measure,
  },
]

async function measure() {
  const ratios = []
  for (let i = 0; i < repeats; i++) {
    const local = await runLocally()
    const remote = await runOnQueue()
    if (remote.outcomes !== local.outcomes) throw new Error('the outcomes differ')
    ratios.push(remote.wallMs / local.wallMs)
  }
  ratios.sort((a, b) => a - b)
  return { value: ratios[1], spread: [ratios[0], ratios[2]] }
}
