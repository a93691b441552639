/** High-pass sweep: the adaptive frequency attack, which tries several bands in turn. */
import { defineAttack, parseEpsilon } from '../../../core/api/plugin.ts'
import type { FromSchema, JSONSchema } from '../../../core/api/plugin.ts'
import { runStages } from '../autoattack/ensemble.ts'
import type { Stage } from '../autoattack/ensemble.ts'
import { findByProjectedGradient } from '../gradient/projected-gradient.ts'
import { projectedGradientCost } from '../gradient/projected-gradient-options.ts'
import { ascendWithinBand } from './frequency-band.ts'
import { bandFrom, bandListSchema, frequencyOptions, radiusFrom } from './frequency-options.ts'
import type { BandChoice } from './frequency-options.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: { ...frequencyOptions, bands: bandListSchema },
} as const satisfies JSONSchema

type Options = FromSchema<typeof optionsSchema>

/** Name of the first stage, which uses the full band. */
const fullBand = 'full'

/**
 * The worst case over bands per example: runs `pgd` in the full band, and then `high-pass` in each
 * band on the examples that are left. The result states which band broke each example. We read the
 * paper's "strong adaptive frequency attack" as an attacker who knows the defense's filters and
 * sweeps the band; see `high-pass` for the parts of the paper that were available.
 *
 * The first stage takes the steps of `pgd` with the same options and random streams, so the sweep
 * breaks every example that those break.
 * @see MMCAT 2023
 */
export const highPassSweep = defineAttack({
  meta: {
    id: 'high-pass-sweep',
    apiVersion: 1,
    version: 2,
    title: 'Frequency high-pass attack, swept over bands',
    source: papers.mmcat2023,
    provenance: 'abstract-only',
    norms: ['Linf', 'L2'],
    knowledge: 'white-box',
    restricted: true,
    goals: ['untargeted', 'targeted'],
    stochastic: true,
    streamsOf: 'pgd',
    optionsSchema,
  },
  async run(context) {
    const { options, threatModel, rng } = context
    const stepSize = parseEpsilon(options.stepSize ?? threatModel.epsilon / 4, 'stepSize')
    const radius = radiusFrom(context, options)
    const cost = projectedGradientCost(options)
    const { steps, randomStart, restarts, loss, goal, target } = options
    const full: Stage = {
      name: fullBand,
      targets: 0,
      cost,
      // The first stage has all rows of the task, in order, so it can use the task's own streams.
      run: (task) =>
        findByProjectedGradient(
          { ...task, rng },
          { steps, stepSize, randomStart, restarts, loss, goal, target },
        ),
    }
    const bands = bandsOf(options, radius).map((choice): Stage => {
      const band = bandFrom(options, choice, radius)
      return {
        name: nameOf(band),
        targets: 0,
        cost,
        run: (task) => ascendWithinBand(task, { ...options, stepSize, band }),
      }
    })
    const stages = [full, ...bands]
    const { adversarial, brokenBy } = await runStages(context, stages)
    return { adversarial, stages: stages.map(({ name }) => name), brokenBy }
  },
  cost(options) {
    const { forward, backward } = projectedGradientCost(options)
    const stages = 1 + bandsOf(options, 1).length
    return { forward: stages * forward, backward: stages * backward }
  },
})

/** The bands after the full one: those of the option, or else of the radius r. */
function bandsOf({ bands }: Options, r: number): readonly BandChoice[] {
  const radii = [0.5 * r, r, 1.5 * r]
  return (
    bands ?? [
      ...radii.map((radius) => ({ band: 'low', radius }) as const),
      ...radii.map((radius) => ({ band: 'high', radius }) as const),
      { band: 'band', radius: 0.5 * r, outerRadius: r },
      { band: 'band', radius: r, outerRadius: 1.5 * r },
      { band: 'band', radius: 0.5 * r, outerRadius: 1.5 * r },
    ]
  )
}

/** `high 8`, `low 8`, `band 4-12`. */
function nameOf({ band, radius, outerRadius }: ReturnType<typeof bandFrom>): string {
  return `${band} ${radius}${outerRadius === undefined ? '' : `-${outerRadius}`}`
}
