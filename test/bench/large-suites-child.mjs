/** One step of `large-suites.mjs`, in the current directory. Prints its time and memory. */
import { writeFileSync } from 'node:fs'

const [, , step, out] = process.argv
const dist = new URL('../../dist/', import.meta.url)
const load = (path) => import(new URL(path, dist))

/** Answers every job at once: all examples robust, after one pass each. */
function answerAll() {
  return {
    size: 2,
    submit: async ({ unit }) => {
      const count = unit.shard.end - unit.shard.start
      const outcomes = (unit.cell.kind === 'attack' ? 'r' : '1').repeat(count)
      const passes = { forwardPasses: count, backwardPasses: 0 }
      const curve = unit.cell.curve && { breakingEpsilons: Array(count).fill(null) }
      return { state: 'completed', value: { outcomes, ...passes, ...curve, elapsedMs: 1 } }
    },
    close: async () => {},
  }
}

const stepOf = {
  async fill() {
    const { loadSuite } = await load('core/bench/suite/load.js')
    const { runSuite } = await load('core/bench/execute/run.js')
    await runSuite(loadSuite('suite.json'), { resultsFolder: 'results', executor: answerAll })
  },
  async plan() {
    const { createProgram } = await load('cli/program.js')
    await createProgram().parseAsync(['node', 'robench', 'plan', 'suite.json'])
  },
  resume() {
    return this.plan()
  },
  async report() {
    const { createProgram } = await load('cli/program.js')
    const words = ['report', 'results', '--format', 'html', '--out', `${out}.html`]
    await createProgram().parseAsync(['node', 'robench', ...words])
  },
  async site() {
    const { createProgram } = await load('cli/program.js')
    const words = ['leaderboard', 'build', '--entries', 'entries', '--out', out]
    await createProgram().parseAsync(['node', 'robench', ...words])
  },
}

await stepOf[step]()
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
const figures = { cpuMs: (userCPUTime + systemCPUTime) / 1000, peakMb: maxRSS / 1024 }
writeFileSync(1, `\n${JSON.stringify(figures)}\n`)
process.exit(0)
