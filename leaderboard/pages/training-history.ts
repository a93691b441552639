/** The history of a training from a model's card: a chart and a table. */

/** One line of a chart. */
export interface HistoryLine {
  readonly name: string
  /** `x,y x,y …`, for an SVG polyline. */
  readonly path: string
}

/** A chart in its own units, with the origin at the top left. */
export interface HistoryChart {
  readonly lines: readonly HistoryLine[]
  readonly ticks: readonly { readonly at: number; readonly label: string }[]
}

/** What a card says about its epochs, and the other facts. */
export interface TrainingHistory {
  /** Names of the columns, `epoch` first. */
  readonly columns: readonly string[]
  /** One row per epoch; undefined where the card has no number. */
  readonly rows: readonly (readonly (number | undefined)[])[]
  /** Accuracies by epoch; absent if the card has none, or only one epoch. */
  readonly chart?: HistoryChart
}

/** Geometry of the chart. */
export const historyFrame = {
  width: 520,
  height: 220,
  left: 40,
  right: 510,
  top: 10,
  bottom: 178,
} as const

/** The history of a card; undefined if it has none. */
export function trainingHistory(
  card: Readonly<Record<string, unknown>> | undefined,
): TrainingHistory | undefined {
  const epochs = card?.['epochs']
  if (!Array.isArray(epochs) || epochs.length === 0) return undefined
  const records = epochs.filter(
    (one): one is Record<string, unknown> =>
      typeof one === 'object' && one !== null && !Array.isArray(one),
  )
  const names = [...new Set(records.flatMap((one) => Object.keys(one)))].filter((name) =>
    records.some((one) => isNumber(one[name])),
  )
  if (records.length < epochs.length || names.length === 0) return undefined
  const columns = ['epoch', ...names.filter((name) => name !== 'epoch')]
  const rows = records.map((one, at) =>
    columns.map((name) => {
      const value = one[name]
      return isNumber(value) ? value : name === 'epoch' ? at + 1 : undefined
    }),
  )
  const chart = chartOf(columns, rows)
  return { columns, rows, ...(chart && { chart }) }
}

/** A card without its epochs. */
export function cardFacts(card: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(card).filter(([name, value]) => name !== 'epochs' || !Array.isArray(value)),
  )
}

function chartOf(
  columns: readonly string[],
  rows: TrainingHistory['rows'],
): HistoryChart | undefined {
  const { left, right, top, bottom } = historyFrame
  const epochs = rows.map(([epoch]) => epoch ?? 0)
  const [first, last] = [Math.min(...epochs), Math.max(...epochs)]
  if (last <= first) return undefined
  const x = (epoch: number): number =>
    rounded(left + ((epoch - first) / (last - first)) * (right - left))
  const lines = columns.flatMap((name, column) => {
    const points = rows.flatMap((row, at) => {
      const value = row[column]
      return value === undefined ? [] : [[epochs[at]!, value] as const]
    })
    const isShare = /accuracy$/i.test(name) && points.every(([, value]) => value >= 0 && value <= 1)
    if (!isShare || points.length < 2) return []
    const path = points
      .map(([epoch, value]) => `${x(epoch)},${rounded(bottom - value * (bottom - top))}`)
      .join(' ')
    return [{ name, path }]
  })
  if (lines.length === 0) return undefined
  const ticks = [...new Set([first, Math.round((first + last) / 2), last])]
  return { lines, ticks: ticks.map((epoch) => ({ at: x(epoch), label: String(epoch) })) }
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function rounded(value: number): number {
  return Math.round(10 * value) / 10
}
