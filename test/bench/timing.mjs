/** Compares two computations on a machine that also does other work. */
/**
 * Runs both in turn and returns the ratio of their processor times per pair. Time spent waiting for
 * other processes does not count, and a temporary slowdown of the machine affects both.
 *
 * @param {{
 *   numerator: () => Promise<unknown>,
 *   denominator: () => Promise<unknown>,
 *   repeats: number,
 *   warmup?: number,
 * }} options
 * @returns {Promise<{ value: number, spread: [number, number] }>} the median ratio, and the range
 *   of the middle half
 */
export async function interleavedRatio({ numerator, denominator, repeats, warmup = 2 }) {
  for (let i = 0; i < warmup; i++) {
    await denominator()
    await numerator()
  }
  const ratios = []
  for (let i = 0; i < repeats; i++) {
    const below = await processorTime(denominator)
    const above = await processorTime(numerator)
    ratios.push(above / below)
  }
  ratios.sort((a, b) => a - b)
  const at = (fraction) => ratios[Math.round((ratios.length - 1) * fraction)]
  return { value: at(0.5), spread: [at(0.25), at(0.75)] }
}

async function processorTime(run) {
  const start = process.cpuUsage()
  await run()
  const { user, system } = process.cpuUsage(start)
  return user + system
}
