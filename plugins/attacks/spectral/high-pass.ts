/** High-pass: gradient steps within a band of spatial frequencies. */
import { defineAttack, parseEpsilon } from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { projectedGradientCost } from '../gradient/projected-gradient-options.ts'
import { ascendWithinBand } from './frequency-band.ts'
import { bandFrom, bandOptions, frequencyOptions, radiusFrom } from './frequency-options.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: { ...frequencyOptions, ...bandOptions },
} as const satisfies JSONSchema

/**
 * Adversarial examples made with a filter in the Fourier domain. Only the abstract of the paper was
 * available, without the authors' names. It only says that a high-pass filter makes
 * "high-frequency-enhanced" examples; the variants, the projection, the steps, and all constants
 * are ours, and results are not comparable with the paper's. The filter is that of Wang et al. 2020
 * (arXiv:1905.13545): radial, applied per channel.
 *
 * With `variant: "perturbation"` and radius 0 it equals PGD. On most models it is weaker than PGD,
 * since it is limited to a band. It shows in which band a model can be broken; `high-pass-sweep`
 * tries several, and the full band first.
 * @see MMCAT 2023
 */
export const highPass = defineAttack({
  meta: {
    id: 'high-pass',
    apiVersion: 1,
    version: 2,
    title: 'Frequency high-pass attack',
    source: papers.mmcat2023,
    provenance: 'abstract-only',
    norms: ['Linf', 'L2'],
    knowledge: 'white-box',
    restricted: true,
    goals: ['untargeted', 'targeted'],
    stochastic: true,
    optionsSchema,
  },
  async run(context) {
    const { options, threatModel } = context
    const stepSize = parseEpsilon(options.stepSize ?? threatModel.epsilon / 4, 'stepSize')
    const { outerRadius } = options
    const choice = { band: options.band, ...(outerRadius !== undefined && { outerRadius }) }
    const band = bandFrom(options, choice, radiusFrom(context, options))
    const { adversarial } = await ascendWithinBand(context, { ...options, stepSize, band })
    return adversarial
  },
  cost: (options) => projectedGradientCost(options),
})
