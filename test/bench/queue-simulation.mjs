/**
 * Simulates a queue with up to 1,000 workers from service times that are measured first:
 * `node test/bench/queue-simulation.mjs [--json]`. Prints the table of docs/scale.md.
 *
 * Assumptions: service times have the measured spread around `unitSeconds`;
 * the coordinator handles one outcome after another, each for the measured processor time; the
 * broker handles one command after another, `commandsPerJob` of `commandMs` each; a worker needs
 * `fetchMs` between two units; all clean units end before the first attack begins; a worker loads
 * model and data once, in `startSeconds`; all workers are equally fast, and none is lost.
 */
import { parseArgs } from 'node:util'
import { missingRedis, runOnQueue } from './queue-runs.mjs'

const assumptions = {
  /** Mean time of an attack unit: 500 examples of CIFAR-10 under AutoAttack. */
  unitSeconds: 120,
  cleanSeconds: 2,
  startSeconds: 10,
  fetchMs: 5,
  commandsPerJob: 12,
  commandMs: 0.05,
}

/** Cells of 20 units: 10,000 examples. */
const suites = {
  'one suite, 400 units': 400,
  'ten suites, 4,000 units': 4000,
  '40,000 units': 40_000,
}

const reason = missingRedis()
if (reason) {
  console.error(`simulation: ${reason}`)
  process.exit(2)
}
const measured = await runOnQueue()
const coordinatorMs = measured.coordinatorMs / measured.serviceMs.length
const mean = measured.serviceMs.reduce((sum, one) => sum + one, 0) / measured.serviceMs.length
/** Relative service times: their spread, whatever their mean. */
const spread = measured.serviceMs.map((one) => one / mean)

const rows = Object.entries(suites).flatMap(([name, units]) =>
  [1, 10, 100, 1000].map((workers) => ({ name, workers, ...simulate(units, workers) })),
)
if (parseArgs({ options: { json: { type: 'boolean' } } }).values.json) {
  console.log(JSON.stringify({ assumptions, coordinatorMs, rows }, null, 2))
} else {
  console.log(`coordinator: ${coordinatorMs.toFixed(1)} ms of processor time per unit`)
  for (const { name, workers, hours, efficiency } of rows) {
    console.log(
      `| ${name} | ${workers} | ${hours.toPrecision(3)} h | ${Math.round(100 * efficiency)} % |`,
    )
  }
}

/** Event simulation: the earliest free worker takes the next unit. */
function simulate(units, workers) {
  const { unitSeconds, cleanSeconds, startSeconds, fetchMs, commandsPerJob, commandMs } =
    assumptions
  const broker = (commandsPerJob * commandMs) / 1000
  const free = Array.from({ length: workers }, () => startSeconds)
  let brokerFree = 0
  let coordinatorFree = 0
  let work = 0
  let now = 0
  let draw = 0
  for (const [count, seconds] of [
    [Math.ceil(units / 10), cleanSeconds],
    [units, unitSeconds],
  ]) {
    // The phases are separated: no attack begins before the last clean outcome is saved.
    for (let i = 0; i < workers; i++) free[i] = Math.max(free[i], now)
    const ends = []
    for (let unit = 0; unit < count; unit++) {
      const worker = pop(free)
      const service = seconds * spread[draw++ % spread.length]
      brokerFree = Math.max(brokerFree, worker) + broker
      const end = brokerFree + fetchMs / 1000 + service
      work += service
      push(free, end)
      ends.push(end)
    }
    for (const end of ends.toSorted((a, b) => a - b)) {
      coordinatorFree = Math.max(coordinatorFree, end) + coordinatorMs / 1000
    }
    now = coordinatorFree
  }
  return { hours: now / 3600, efficiency: work / (workers * now) }
}

/** Takes the least number from a binary heap. */
function pop(heap) {
  const least = heap[0]
  const last = heap.pop()
  if (heap.length > 0) {
    heap[0] = last
    for (let at = 0; ;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1] < heap[child]) child++
      if (heap[at] <= heap[child]) break
      ;[heap[at], heap[child]] = [heap[child], heap[at]]
      at = child
    }
  }
  return least
}

/** Adds a number to a binary heap. */
function push(heap, value) {
  let at = heap.push(value) - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (heap[parent] <= heap[at]) break
    ;[heap[at], heap[parent]] = [heap[parent], heap[at]]
    at = parent
  }
}
