/** Curves: points, lines, and their positions in the plot. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { robustnessCurve } from '../../../core/bench/metrics/curve.ts'
import type { ThreatModel } from '../../../core/threat/threat-model.ts'
import {
  medianText,
  namedCurves,
  plotCurves,
  summarizeCurve,
} from '../../../reports/theme/curves.ts'
import { threats } from '../findings-fixture.ts'

const plain: ThreatModel = { norm: 'Linf', epsilon: 8 / 255, bounds: [0, 1] }
const sizes = [2 / 255, 4 / 255, 8 / 255]

describe('summarizeCurve', () => {
  const sweep = robustnessCurve([0, 2 / 255, 4 / 255, 4 / 255, null], sizes)

  test('a sweep has straight lines from the clean accuracy through its points', () => {
    const curve = summarizeCurve(sweep, 0.8, plain)
    expect(curve.points.map(({ robust }) => robust)).toEqual([0.6, 0.2, 0.2])
    expect(curve.line).toEqual([{ epsilon: 0, robust: 0.8 }, ...curve.points])
    expect(medianText(curve)).toBe('2/255 to 4/255')
  })

  test('with a transform the line starts at the first point, not at the clean accuracy', () => {
    const curve = summarizeCurve(sweep, 0.8, threats.attribute)
    expect(curve.line).toEqual(curve.points)
  })

  test('a minimum-norm attack has a finer line, even with a single epsilon', () => {
    const curve = summarizeCurve(robustnessCurve([0.011, 0.013, null, 0], [8 / 255]), 0.75, plain)
    expect(curve.points).toHaveLength(1)
    expect(curve.line).toHaveLength(49)
    expect(curve.line.at(-1)).toEqual(curve.points[0])
    expect(medianText(curve)).toBe('0.013')
  })

  test('a median above the largest epsilon is stated as such', () => {
    const curve = summarizeCurve(robustnessCurve([2 / 255, null, null], sizes), 1, plain)
    expect(curve.medianBreakingEpsilon).toBeUndefined()
    expect(medianText(curve)).toBe('> 8/255')
  })

  test('no line rises, and every point is on its line', () => {
    const least = fc.option(fc.double({ min: 0, max: 0.05, noNaN: true }))
    fc.assert(
      fc.property(fc.array(least, { minLength: 1, maxLength: 20 }), (breaking) => {
        const clean = breaking.filter((value) => value !== 0).length / breaking.length
        const { line, points } = summarizeCurve(robustnessCurve(breaking, sizes), clean, plain)
        for (const [i, { epsilon, robust }] of line.slice(1).entries()) {
          expect(robust).toBeLessThanOrEqual(line[i]!.robust)
          expect(epsilon).toBeGreaterThan(line[i]!.epsilon)
        }
        expect(line).toEqual(expect.arrayContaining([...points]))
      }),
    )
  })
})

describe('plotCurves', () => {
  const curves = namedCurves([
    { attack: { name: 'none' } },
    {
      attack: { name: 'pgd' },
      curve: summarizeCurve(robustnessCurve([2 / 255, null], sizes), 1, plain),
    },
  ])

  test('the worst case comes last', () => {
    const worst = summarizeCurve(robustnessCurve([2 / 255, 4 / 255], sizes), 1, plain)
    const attacks = [{ attack: { name: 'pgd' }, curve: curves[0]!.curve }]
    expect(namedCurves(attacks, worst).map(({ name }) => name)).toEqual(['pgd', 'worst case'])
  })

  test('has a line per attack with a curve, within the frame', () => {
    const plot = plotCurves(curves)
    expect(plot.lines).toHaveLength(1)
    const [line] = plot.lines
    expect(line!.path.startsWith(`${plot.left},${plot.top} `)).toBe(true)
    expect(line!.dots.at(-1)).toEqual({ x: plot.right, y: (plot.top + plot.bottom) / 2 })
  })

  test('labels the given epsilons, as far as there is room', () => {
    expect(plotCurves(curves).epsilonTicks.map(({ label }) => label)).toEqual([
      '0',
      '2/255',
      '4/255',
      '8/255',
    ])
    const many = Array.from({ length: 32 }, (_, i) => (i + 1) / 255)
    const crowded = summarizeCurve(robustnessCurve([null], many), 1, plain)
    const { epsilonTicks } = plotCurves([{ name: 'a', curve: crowded }])
    expect(epsilonTicks.at(-1)!.label).toBe('32/255')
    for (const [i, { at }] of epsilonTicks.slice(1).entries()) {
      expect(at - epsilonTicks[i]!.at).toBeGreaterThan(50)
    }
  })

  test('a single epsilon is labeled in quarters', () => {
    const single = summarizeCurve(robustnessCurve([null], [8 / 255]), 1, plain)
    const { epsilonTicks } = plotCurves([{ name: 'a', curve: single }])
    expect(epsilonTicks.map(({ label }) => label)).toEqual([
      '0',
      '2/255',
      '4/255',
      '6/255',
      '8/255',
    ])
  })

  test('a single epsilon of 0 has a position', () => {
    const empty = summarizeCurve(robustnessCurve([null], [0]), 1, threats.amplitude)
    const { lines, left } = plotCurves([{ name: 'a', curve: empty }])
    expect(lines[0]!.dots[0]!.x).toBe(left)
  })
})
