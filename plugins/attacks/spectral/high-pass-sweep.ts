/** High-pass sweep: the adaptive frequency attack, which tries several bands in turn. */
import { defineAttack, parseEpsilon } from '../../../core/api/plugin.ts'
import type { FromSchema, JSONSchema } from '../../../core/api/plugin.ts'
import { runStages } from '../autoattack/ensemble.ts'
import type { Stage } from '../autoattack/ensemble.ts'
import { projectedGradientCost } from '../gradient/projected-gradient.ts'
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

/**
 * The worst case over bands per example: runs `high-pass` in each band on the examples that no
 * earlier band broke. The result states which band broke each example. We read the paper's "strong
 * adaptive frequency attack" as an attacker who knows the defense's filters and sweeps the band;
 * see `high-pass` for the parts of the paper that were available.
 * @see MMCAT 2023
 */
export const highPassSweep = defineAttack({
  meta: {
    id: 'high-pass-sweep',
    apiVersion: 1,
    version: 1,
    title: 'Frequency high-pass attack, swept over bands',
    source: papers.mmcat2023,
    provenance: 'abstract-only',
    norms: ['Linf', 'L2'],
    knowledge: 'white-box',
    goals: ['untargeted', 'targeted'],
    stochastic: true,
    optionsSchema,
  },
  async run(context) {
    const { options, threatModel } = context
    const stepSize = parseEpsilon(options.stepSize ?? threatModel.epsilon / 4, 'stepSize')
    const radius = radiusFrom(context, options)
    const stages = bandsOf(options, radius).map((choice): Stage => {
      const band = bandFrom(options, choice, radius)
      return {
        name: nameOf(band),
        targets: 0,
        cost: projectedGradientCost(options),
        run: (task) => ascendWithinBand(task, { ...options, stepSize, band }),
      }
    })
    const { adversarial, brokenBy } = await runStages(context, stages)
    return { adversarial, stages: stages.map(({ name }) => name), brokenBy }
  },
  cost(options) {
    const { forward, backward } = projectedGradientCost(options)
    const bands = bandsOf(options, 1).length
    return { forward: bands * forward, backward: bands * backward }
  },
})

function bandsOf({ bands }: Options, radius: number): readonly BandChoice[] {
  return (
    bands ?? [
      { band: 'high' },
      { band: 'low' },
      { band: 'band', radius: radius / 2, outerRadius: 1.5 * radius },
    ]
  )
}

/** `high 8`, `low 8`, `band 4-12`. */
function nameOf({ band, radius, outerRadius }: ReturnType<typeof bandFrom>): string {
  return `${band} ${radius}${outerRadius === undefined ? '' : `-${outerRadius}`}`
}
