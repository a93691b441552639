/** The files of an entry for other programs: suite, CSV, outcomes, BibTeX. */
import { packNpz } from '../../core/bench/store/npz-file.ts'
import { proportion } from '../../reports/theme/proportion.ts'
import type { LeaderboardEntry } from '../entry-type.ts'
import { unpackCodes } from '../packed-outcomes.ts'

/** The whole suite of an entry, as a file that `robench run` takes. */
export function suiteText({ run }: LeaderboardEntry): string {
  return `${JSON.stringify(run.suite.content, undefined, 2)}\n`
}

/** The first line of `csvText`. */
const csvHead = [
  'measure',
  'plugin',
  'version',
  'seed',
  'wrong',
  'robust',
  'broken',
  'brokenAlone',
  'robustAccuracy',
  'low',
  'high',
  'forwardPasses',
  'backwardPasses',
  'elapsedMs',
]

/**
 * One row per attack, and the rows `clean` and `worst case`. Accuracies and the bounds of their
 * 95 % intervals are fractions of all examples.
 */
export function csvText(entry: LeaderboardEntry): string {
  const { examples } = entry.dataset
  const figures = (count: number): number[] => {
    const { fraction, interval } = proportion(count, examples)
    return [fraction, interval.low, interval.high]
  }
  const plain = (name: string, count: number): (string | number)[] => {
    const isClean = name === 'clean'
    const counts = [isClean ? examples - count : '', isClean ? '' : count]
    return [name, '', '', '', ...counts, '', '', ...figures(count), '', '', '']
  }
  const rows = [
    csvHead,
    plain('clean', entry.clean.correct),
    plain('worst case', entry.worstCase.robust),
    ...entry.attacks.map((attack) => [
      attack.name,
      attack.plugin,
      attack.version,
      attack.seed,
      attack.wrong,
      attack.robust,
      attack.broken,
      attack.brokenAlone,
      ...figures(attack.robust),
      attack.forwardPasses,
      attack.backwardPasses,
      attack.elapsedMs,
    ]),
  ]
  return rows.map((row) => `${row.map(cellText).join(',')}\r\n`).join('')
}

/** A cell. A text that a spreadsheet would take for a formula starts with an apostrophe. */
function cellText(value: string | number): string {
  if (typeof value === 'number') return String(value)
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/**
 * The outcomes of an entry as a NumPy archive: `clean` `[n]` (1 correct, 0 wrong), `outcomes`
 * `[attacks, n]` (0 misclassified without attack, 1 robust, 2 broken), `worst_case` `[n]` with the
 * same codes, all uint8, and `attacks` `[attacks]`, their names as UTF-8 bytes.
 */
export function outcomesNpz(entry: LeaderboardEntry): Uint8Array {
  const { attacks } = entry
  const { examples } = entry.dataset
  const outcomes = new Uint8Array(attacks.length * examples)
  const worst = new Uint8Array(examples)
  attacks.forEach(({ outcomes: packed }, at) => {
    const codes = unpackCodes(packed, examples)
    for (let i = 0; i < examples; i++) {
      // Correct only when corrupted: misclassified in its original form.
      if (codes[i] === 3) codes[i] = 0
      // Either 0 for all attacks, or 1 and 2.
      worst[i]! |= codes[i]!
    }
    outcomes.set(codes, at * examples)
  })
  const clean = worst.map((code) => Math.min(code, 1))
  // 3: robust to some attacks, broken by others.
  for (let i = 0; i < examples; i++) if (worst[i] === 3) worst[i] = 2
  const names = attacks.map(({ name }) => Buffer.from(name))
  const width = Math.max(1, ...names.map(({ length }) => length))
  const packed = Buffer.concat(names.map((name) => Buffer.concat([name], width)))
  return packNpz([
    { name: 'clean', type: '|u1', shape: [examples], bytes: clean },
    { name: 'outcomes', type: '|u1', shape: [attacks.length, examples], bytes: outcomes },
    { name: 'worst_case', type: '|u1', shape: [examples], bytes: worst },
    { name: 'attacks', type: `|S${width}`, shape: [names.length], bytes: packed },
  ])
}
