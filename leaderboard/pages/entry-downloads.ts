/** The files of an entry for other programs: suite, CSV, outcomes, BibTeX. */
import { zipSync } from 'fflate'
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

/** 1 January 1980, so that equal entries give equal bytes. */
const fixedTime = new Date(1980, 0, 1)

/**
 * The outcomes of an entry as a NumPy archive: `clean` `[n]` (1 correct, 0 wrong), `outcomes`
 * `[attacks, n]` (0 misclassified without attack, 1 robust, 2 broken), `worst_case` `[n]` with the
 * same codes, all uint8, and `attacks` `[attacks]`, their names as UTF-8 bytes.
 */
export function outcomesNpz(entry: LeaderboardEntry): Uint8Array {
  const { attacks } = entry
  const { examples } = entry.dataset
  const outcomes = new Uint8Array(attacks.length * examples)
  attacks.forEach(({ outcomes: packed }, at) => {
    outcomes.set(unpackCodes(packed, examples), at * examples)
  })
  // Correct only when corrupted: misclassified in its original form.
  for (let at = 0; at < outcomes.length; at++) if (outcomes[at] === 3) outcomes[at] = 0
  const worst = outcomes.slice(0, examples)
  const clean = worst.map((code) => Math.min(code, 1))
  for (let at = 0; at < outcomes.length; at++) if (outcomes[at] === 2) worst[at % examples] = 2
  const names = attacks.map(({ name }) => Buffer.from(name))
  const width = Math.max(1, ...names.map(({ length }) => length))
  const packed = Buffer.concat(names.map((name) => Buffer.concat([name], width)))
  return zipSync(
    {
      'clean.npy': npy('|u1', [examples], clean),
      'outcomes.npy': npy('|u1', [attacks.length, examples], outcomes),
      'worst_case.npy': npy('|u1', [examples], worst),
      'attacks.npy': npy(`|S${width}`, [names.length], packed),
    },
    // Level 9 takes four times as long for a third less.
    { mtime: fixedTime, level: 4 },
  )
}

/** An array in NumPy's format, version 1.0. */
function npy(type: string, shape: readonly number[], data: Uint8Array): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${sizes}), }`
  const padded = Math.ceil((text.length + 11) / 64) * 64 - 10
  const length = Buffer.alloc(2)
  length.writeUInt16LE(padded)
  const magic = Buffer.from('\x93NUMPY\x01\x00', 'latin1')
  return Buffer.concat([magic, length, Buffer.from(`${text.padEnd(padded - 1)}\n`), data])
}
