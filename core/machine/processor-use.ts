/** How busy other programs keep the processor cores. */
import { availableParallelism, cpus } from 'node:os'

/**
 * Starts to watch the cores.
 * @returns a function that gives the cores that other programs kept busy since then, from 0 to all
 * of them; 0 where the machine does not tell, as in a container that sees only some of its cores
 */
export function watchOtherPrograms(): () => number {
  const cores = cpus().length
  const isWhole = cores === availableParallelism()
  const busyMs = busyTime()
  const own = process.cpuUsage()
  const started = performance.now()
  return () => {
    const elapsedMs = performance.now() - started
    if (!isWhole || elapsedMs < 1) return 0
    const { user, system } = process.cpuUsage(own)
    const others = busyTime() - busyMs - (user + system) / 1000
    return Math.min(cores, Math.max(0, others / elapsedMs))
  }
}

/**
 * How much slower each of several processes runs than one process did, if other programs keep
 * `others` of the cores busy: 1 or more.
 */
export function slowdown(processes: number, others: number): number {
  const cores = availableParallelism()
  const demand = (count: number): number => Math.max(1, (others + count) / cores)
  return demand(processes) / demand(1)
}

/** Milliseconds that all cores together were busy since the machine started. */
function busyTime(): number {
  return cpus().reduce(
    (sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq,
    0,
  )
}
