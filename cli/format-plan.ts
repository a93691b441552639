/** A plan as a few lines of text. */
import { percent } from '../core/base/figures.ts'
import { wrapText } from '../core/base/wrap.ts'
import { count, countOf, duration } from '../reports/theme/figures.ts'
import { threatModelText } from '../reports/theme/threat-text.ts'
import type { ExpectedWork } from '../core/bench/forecast/expected-passes.ts'
import type { CellSummary, PlanSummary } from '../core/bench/forecast/plan-summary.ts'

/** Characters of a line. */
const lineWidth = 80

/** The plan and, if known, the expected work, as lines that end in a line feed. */
export function formatPlan(plan: PlanSummary, expected?: ExpectedWork): string {
  const { dataset, units, unitsDone, passes, training } = plan
  const threats = new Set(plan.cells.map(({ threatModel }) => threatModelText(threatModel)))
  const isOpen = unitsDone < units
  const rows: [string, string][] = [
    ...(isOpen ? timeRows(plan, expected) : []),
    ['data', `${dataset.title}, ${examples(dataset)}`],
    ['threat', [...threats].join('; ')],
    [
      'work',
      `${evaluationsText(plan.cells)}, ${countOf(units, 'resumable chunk')}, ` +
        `${count(unitsDone)} done`,
    ],
  ]
  if (training.length > 0) {
    rows.push(['to train', training.map(({ defense }) => defense).join(', ')])
  }
  if (isOpen) {
    rows.push(['passes', passesRow(passes, expected)])
    if (plan.memory) rows.push(['memory', memoryText(plan.memory)])
  }
  rows.push(['results', plan.folder])
  const indent = ' '.repeat(11)
  const lines = rows.map(([name, text]) =>
    wrapText(`  ${name.padEnd(9)}${text}\n`, lineWidth, indent),
  )
  return `${wrapText(plan.suite.title, lineWidth)}\n${lines.join('')}`
}

/** The expected time, what it rests on, and the longest time. */
function timeRows(plan: PlanSummary, expected: ExpectedWork | undefined): [string, string][] {
  const { etaMs, mostMs = plan.etaMs } = expected ?? {}
  if (etaMs === undefined || mostMs === undefined) {
    return [['expected', 'the time is known when all models are trained']]
  }
  const on = `on ${countOf(plan.workers, 'worker')}, as timed now`
  return [
    ['expected', `${duration(etaMs)}, at most ${duration(mostMs)}, ${on}`],
    ['', basisText(plan, expected!)],
  ]
}

/** `if 8 % to 52 % of the examples stay robust, as for PGD on 64 of them` */
function basisText({ survey }: PlanSummary, { basis }: ExpectedWork): string {
  if (basis !== 'survey') return basisWords[basis]
  if (!survey) return basisWords.bound
  const [least, most] = survey.robust.map((share) => percent(share, 0))
  const range = least === most ? least : `${least} to ${most}`
  const source = survey.assumed
    ? 'assumed: half of those classified correctly'
    : `as for ten steps of PGD on ${countOf(survey.examples, 'example')}`
  return `if ${range} stay robust (${source})`
}

/** What a forecast rests on if not on surveys. */
const basisWords = {
  completed: 'by the chunks that are done',
  earlier: 'by the earlier result',
  assumed: 'by the stated robust accuracy',
  bound: 'if every example stays robust',
} as const

/** Expected passes, with their margin, and the upper bound. */
function passesRow(passes: PlanSummary['passes'], expected: ExpectedWork | undefined): string {
  const most = `at most ${passesText(passes)}`
  if (!expected) return most
  return `${passesText(expected.passes)}${marginText(expected)}; ${most}`
}

/** `6 evaluations (2 models × 3 attacks)`; the factors only if every combination is evaluated. */
function evaluationsText(cells: readonly CellSummary[]): string {
  const attacks = cells.filter(({ kind }) => kind === 'attack')
  const sizes = [
    [distinct(attacks, ({ defense }) => defense), 'model'],
    [distinct(attacks, ({ threatModel }) => JSON.stringify(threatModel)), 'threat model'],
    [distinct(attacks, ({ attack }) => attack), 'attack'],
    [distinct(attacks, ({ seed }) => seed), 'seed'],
  ] as const
  const isProduct = sizes.reduce((product, [size]) => product * size, 1) === attacks.length
  const shown = sizes.filter(([size, noun]) => size > 1 || noun === 'model' || noun === 'attack')
  const factors = shown.map(([size, noun]) => countOf(size, noun)).join(' × ')
  return `${countOf(attacks.length, 'evaluation')}${isProduct ? ` (${factors})` : ''}`
}

function distinct(cells: readonly CellSummary[], value: (cell: CellSummary) => unknown): number {
  return new Set(cells.map(value)).size
}

function passesText({ forward, backward }: PlanSummary['passes']): string {
  return `${count(forward)} forward, ${count(backward)} backward`
}

function examples({ examples: evaluated, total, sample }: PlanSummary['dataset']): string {
  if (evaluated === total) return `all ${count(total)} examples`
  const which = sample ? 'a sample of' : 'the first'
  return `${which} ${count(evaluated)} of ${count(total)} examples (not rankable)`
}

/** `about 0.4 GB per worker, batches of 64`, the smallest batch of several models. */
function memoryText({ bytesPerWorker, batchSize }: NonNullable<PlanSummary['memory']>): string {
  return `about ${(bytesPerWorker / 1e9).toFixed(1)} GB per worker, batches of ${batchSize}`
}

/** The relative margin of forward or backward passes, whichever is larger. */
function marginText({ passes, margin }: ExpectedWork): string {
  if (!margin) return ''
  const relative = (['forward', 'backward'] as const).map((direction) =>
    passes[direction] === 0 ? 0 : margin[direction] / passes[direction],
  )
  return ` (± ${percent(Math.max(...relative), 1)})`
}
