/** Robustness curves: points, median breaking epsilon, and the lines of a plot. */
import { medianBreakingEpsilon, robustnessCurve } from '../../core/bench/metrics/curve.ts'
import type { BreakingRange, RobustnessCurve } from '../../core/bench/metrics/curve.ts'
import type { ThreatModel } from '../../core/threat/threat-model.ts'
import { epsilonText, significant } from './figures.ts'

/** A point of a curve: robust accuracy at an epsilon. */
export interface CurvePoint {
  readonly epsilon: number
  readonly robust: number
}

/** The curve of one attack on one defense. */
export interface CurveSummary {
  /** At the epsilons that the suite names, ascending. */
  readonly points: readonly CurvePoint[]
  /** The epsilon that breaks half of the initially correct examples; absent if fewer break. */
  readonly medianBreakingEpsilon?: BreakingRange
  /** The curve to draw: the points, and finer steps for minimum-norm attacks. */
  readonly line: readonly CurvePoint[]
}

/** Number of epsilons of the finer line. */
const fineSteps = 48

/**
 * Summarizes a curve.
 * @param clean clean accuracy, a fraction; the line starts there at an epsilon of 0
 * @param threatModel with a transform, an epsilon of 0 is still an attack, so the line starts at
 *   the first point
 */
export function summarizeCurve(
  curve: RobustnessCurve,
  clean: number,
  threatModel: ThreatModel,
): CurveSummary {
  const { breakingEpsilons } = curve
  const points = pointsOf(curve)
  const largest = points.at(-1)?.epsilon ?? 0
  const median = medianBreakingEpsilon(curve)
  // A sweep breaks examples only at the given epsilons; a minimum-norm attack finds exact values.
  const isSweep = breakingEpsilons.every(
    (least) => least === null || least === 0 || curve.epsilons.includes(least),
  )
  const fine = Array.from({ length: fineSteps }, (_, i) => ((i + 1) * largest) / fineSteps)
  const measured = isSweep
    ? points
    : pointsOf(robustnessCurve(breakingEpsilons, [...fine, ...curve.epsilons]))
  const fromClean = !threatModel.transform && points[0]?.epsilon !== 0
  return {
    points,
    ...(median !== undefined && { medianBreakingEpsilon: median }),
    line: fromClean ? [{ epsilon: 0, robust: clean }, ...measured] : measured,
  }
}

function pointsOf({ epsilons, robustAccuracies }: RobustnessCurve): CurvePoint[] {
  return epsilons.map((epsilon, place) => ({ epsilon, robust: robustAccuracies[place] ?? 0 }))
}

/**
 * The median breaking epsilon: `2/255 to 4/255`, `0.213` if it is exact, or `> 8/255` if fewer than
 * half are broken.
 */
export function medianText({ points, medianBreakingEpsilon }: CurveSummary): string {
  if (medianBreakingEpsilon === undefined) return `> ${epsilonText(points.at(-1)?.epsilon ?? 0)}`
  const { low, high } = medianBreakingEpsilon
  if (low === high) return significant(high)
  return `${low === 0 ? '0' : epsilonText(low)} to ${epsilonText(high)}`
}

/** A curve with its label. */
export interface NamedCurve {
  /** Name of the attack. */
  readonly name: string
  readonly curve: CurveSummary
}

/** The curves of the attacks that have one, then that of the worst case. */
export function namedCurves(
  attacks: readonly { readonly attack: { readonly name: string }; readonly curve?: CurveSummary }[],
  worstCase?: CurveSummary,
): NamedCurve[] {
  const curves = attacks.flatMap(({ attack, curve }) =>
    curve ? [{ name: attack.name, curve }] : [],
  )
  return worstCase ? [...curves, { name: 'worst case', curve: worstCase }] : curves
}

/** A tick on an axis. */
export interface Tick {
  /** Position in plot units. */
  readonly at: number
  readonly label: string
}

/** A plot in its own units, with the origin at the top left. */
export interface CurvePlot {
  readonly width: number
  readonly height: number
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
  readonly epsilonTicks: readonly Tick[]
  readonly accuracyTicks: readonly Tick[]
  readonly lines: readonly PlottedLine[]
}

/** One curve of a plot. */
export interface PlottedLine {
  readonly name: string
  /** `x,y x,y …`, for an SVG polyline. */
  readonly path: string
  /** The points of the curve. */
  readonly dots: readonly { readonly x: number; readonly y: number }[]
}

/** Lays out a plot of curves: epsilon on the x axis, robust accuracy from 0 to 1 on the y axis. */
export function plotCurves(curves: readonly NamedCurve[]): CurvePlot {
  const frame = { width: 520, height: 284, left: 54, right: 494, top: 12, bottom: 232 } as const
  const sizes = curves.flatMap(({ curve }) => curve.line.map(({ epsilon }) => epsilon))
  const largest = Math.max(...sizes, Number.MIN_VALUE)
  const x = (epsilon: number): number =>
    rounded(frame.left + (epsilon / largest) * (frame.right - frame.left))
  const y = (robust: number): number => rounded(frame.bottom - robust * (frame.bottom - frame.top))
  return {
    ...frame,
    epsilonTicks: tickSizes(curves, largest).map((size) => ({
      at: x(size),
      label: epsilonText(size),
    })),
    accuracyTicks: [0, 0.25, 0.5, 0.75, 1].map((share) => ({
      at: y(share),
      label: `${100 * share}`,
    })),
    lines: curves.map(({ name, curve }) => ({
      name,
      path: curve.line.map(({ epsilon, robust }) => `${x(epsilon)},${y(robust)}`).join(' '),
      dots: curve.points.map(({ epsilon, robust }) => ({ x: x(epsilon), y: y(robust) })),
    })),
  }
}

/** The epsilons of the points whose labels fit; quarters of the largest for fewer than three. */
function tickSizes(curves: readonly NamedCurve[], largest: number): number[] {
  const given = new Set(curves.flatMap(({ curve }) => curve.points.map(({ epsilon }) => epsilon)))
  const candidates =
    given.size < 3
      ? [1, 2, 3, 4].map((quarter) => (quarter * largest) / 4)
      : [...given].toSorted((a, b) => a - b)
  const kept = [0]
  const room = 0.13 * largest
  for (const size of candidates.toReversed()) {
    const next = kept.at(1) ?? Infinity
    if (size >= room && next - size >= room) kept.splice(1, 0, size)
  }
  return kept
}

function rounded(value: number): number {
  return Math.round(10 * value) / 10
}
