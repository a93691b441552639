/** Robustness curves arranged for reading, and where their lines run in a plot. */
import { medianBreakingEpsilon, robustnessCurve } from '../../core/bench/metrics/curve.ts'
import type { RobustnessCurve } from '../../core/bench/metrics/curve.ts'
import type { ThreatModel } from '../../core/threat/threat-model.ts'
import { epsilonText, significant } from './figures.ts'

/** A point of a curve: robust accuracy in a ball of that size. */
export interface CurvePoint {
  readonly epsilon: number
  readonly robust: number
}

export interface CurveSummary {
  /** As asked for, ascending. */
  readonly points: readonly CurvePoint[]
  /** Where half of the initially correct examples are broken; absent if fewer are. */
  readonly medianBreakingEpsilon?: number
  /** The curve as it is drawn: through the points, and finer where the attack found the nearest point of each example. */
  readonly line: readonly CurvePoint[]
}

/** Sizes of the ball at which the finer line is drawn. */
const fineSteps = 48

/**
 * @param clean accuracy without attack
 * @param threatModel with a transform an empty ball is not without attack, so the line begins at the first point
 */
export function summarizeCurve(
  curve: RobustnessCurve,
  clean: number,
  threatModel: ThreatModel,
): CurveSummary {
  const { breakingEpsilons } = curve
  const points = pointsOf(curve)
  const largest = points.at(-1)?.epsilon ?? 0
  const median = medianBreakingEpsilon(breakingEpsilons)
  // A sweep knows only in which of its balls an example broke, a minimum-norm attack how far it had to go.
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

/** The median breaking point as people read it: `3/255`, `0.213`, or `> 8/255` where fewer than half are broken. */
export function medianText({ points, medianBreakingEpsilon }: CurveSummary): string {
  if (medianBreakingEpsilon === undefined) return `> ${epsilonText(points.at(-1)?.epsilon ?? 0)}`
  return points.some(({ epsilon }) => epsilon === medianBreakingEpsilon)
    ? epsilonText(medianBreakingEpsilon)
    : significant(medianBreakingEpsilon)
}

export interface NamedCurve {
  /** Of the attack. */
  readonly name: string
  readonly curve: CurveSummary
}

/** The curves among the attacks of an entry. */
export function namedCurves(
  attacks: readonly { readonly attack: { readonly name: string }; readonly curve?: CurveSummary }[],
): NamedCurve[] {
  return attacks.flatMap(({ attack, curve }) => (curve ? [{ name: attack.name, curve }] : []))
}

/** A mark on an axis. */
export interface Tick {
  /** In the units of the plot. */
  readonly at: number
  readonly label: string
}

/** One plot in units of its own, the origin at the top left. */
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

export interface PlottedLine {
  readonly name: string
  /** `x,y x,y`: for a polyline. */
  readonly path: string
  readonly dots: readonly { readonly x: number; readonly y: number }[]
}

/** The plot of some attacks' curves: sizes of the ball to the right, robust accuracy from 0 to 1 upward. */
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

/** The sizes that were asked for, where there is room for their labels; quarters where they are few. */
function tickSizes(curves: readonly NamedCurve[], largest: number): number[] {
  const asked = new Set(curves.flatMap(({ curve }) => curve.points.map(({ epsilon }) => epsilon)))
  const candidates =
    asked.size < 3
      ? [1, 2, 3, 4].map((quarter) => (quarter * largest) / 4)
      : [...asked].toSorted((a, b) => a - b)
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
