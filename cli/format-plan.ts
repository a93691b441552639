/** The plan in a few lines for people. */
import { count, countOf, duration } from '../reports/theme/figures.ts'
import { threatModelText } from '../reports/theme/threat-text.ts'
import type { ExpectedWork } from '../core/bench/forecast/expected-passes.ts'
import type { PlanSummary } from '../core/bench/forecast/plan-summary.ts'

/** Lines that end in a line feed. */
export function formatPlan(plan: PlanSummary, expected?: ExpectedWork): string {
  const { dataset, units, unitsDone, passes, etaMs, training } = plan
  const threats = new Set(plan.cells.map(({ threatModel }) => threatModelText(threatModel)))
  const attacks = plan.cells.filter(({ attack }) => attack !== null)
  const defenses = new Set(plan.cells.map(({ defense }) => defense))
  const rows: [string, string][] = [
    ['data', `${dataset.title}, ${examples(dataset.examples, dataset.total)}`],
    ['threat', [...threats].join(', ')],
    [
      'cells',
      `${attacks.length} under attack, ${countOf(defenses.size, 'defense')}; ` +
        `${countOf(units, 'unit')} of work, ${unitsDone === 0 ? 'none' : count(unitsDone)} done already`,
    ],
  ]
  if (training.length > 0) {
    rows.push(['to train', training.map(({ defense }) => defense).join(', ')])
  }
  if (unitsDone < units) {
    rows.push([
      'passes',
      `at most ${count(passes.forward)} forward, ${count(passes.backward)} backward (per example)`,
    ])
    const workers = countOf(plan.workers, 'worker')
    if (etaMs !== undefined)
      rows.push(['time', `at most ${duration(etaMs)} of passes on ${workers}`])
  }
  if (expected && unitsDone < units) {
    const { forward, backward } = expected.passes
    const time = expected.etaMs === undefined ? '' : `, ${duration(expected.etaMs)}`
    rows.push([
      'expected',
      `${count(forward)} forward, ${count(backward)} backward${marginText(expected)}${time}`,
    ])
  }
  rows.push(['results', plan.folder])
  return `${plan.suite.title}\n${rows.map(([name, text]) => `  ${name.padEnd(9)}${text}\n`).join('')}`
}

function examples(evaluated: number, total: number): string {
  if (evaluated === total) return `all ${count(total)} examples`
  return `the first ${count(evaluated)} of ${count(total)} examples (not rankable)`
}

/** Of the two kinds of passes, the larger relative width. */
function marginText({ passes, margin }: ExpectedWork): string {
  if (!margin) return ''
  const relative = (['forward', 'backward'] as const).map((direction) =>
    passes[direction] === 0 ? 0 : margin[direction] / passes[direction],
  )
  return ` (± ${(100 * Math.max(...relative)).toFixed(1)} %)`
}
