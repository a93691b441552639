/** Amplitude-mix: an image's phase with the amplitude of another image, or with its own scaled. */
import { gradientOptions } from '../../../core/api/attack.ts'
import { defineAttack, optionLimits } from '../../../core/api/plugin.ts'
import type { FromSchema, JSONSchema } from '../../../core/api/plugin.ts'
import { amplitudeSearch, amplitudeSearchCost } from './amplitude-search.ts'
import type { AmplitudeSearchOptions } from './amplitude-search.ts'
import { papers } from '../../papers.ts'

const withoutTransform = 'used only if the threat model has no amplitude transform: '
const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    distractors: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.rounds,
      default: 10,
      description: 'number of random examples of the data set whose amplitude is mixed in',
    },
    mixes: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.rounds,
      default: 5,
      description: 'number of mixing fractions λ to try with each, evenly spaced up to the limit',
    },
    steps: {
      type: 'integer',
      minimum: 0,
      maximum: optionLimits.steps,
      default: 10,
      description: 'gradient steps in the amplitude of the worst mixture; 0 disables them',
    },
    stepSize: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 1,
      description:
        'change of an amplitude per step, as a fraction of it; default: a fifth of the limit',
    },
    loss: gradientOptions.loss,
    mix: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      default: 0.5,
      description: `${withoutTransform}largest λ, from 0 to 1`,
    },
    scale: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      default: 0.5,
      description: `${withoutTransform}ρ, from 0 to 1; amplitudes are scaled by 1 − ρ to 1 + ρ`,
    },
  },
} as const satisfies JSONSchema

type Options = FromSchema<typeof optionsSchema>

/**
 * Amplitude mix-up as an attack. The paper mixes at random for training. The search for the worst
 * distractor and fraction, and the gradient steps after it, are ours. The paper's amplitude
 * generator is not included.
 *
 * In a threat model with transform `amplitude` the result is T(x) with its parameters, from which
 * the host recomputes it; the ball around T(x) is not used. In any other threat model, images are
 * projected onto the ball around x. A small ball removes most of the mixture, so the result shows
 * what amplitudes alone achieve, not the worst case of the ball.
 * @see Li et al. 2024
 */
export const amplitudeMix = defineAttack({
  meta: {
    id: 'amplitude-mix',
    apiVersion: 1,
    version: 1,
    title: 'Adversarial amplitude mix-up',
    source: papers.li2024,
    provenance: 'own',
    norms: ['Linf', 'L2', 'L1'],
    knowledge: 'white-box',
    goals: ['untargeted'],
    stochastic: true,
    transforms: ['amplitude'],
    transformOptional: true,
    optionsSchema,
  },
  async run(context) {
    const { options, threatModel } = context
    const { transform } = threatModel
    const limits = transform?.kind === 'amplitude' ? transform : options
    const search = searchOptions(options, limits.scale)
    const { adversarial, evidence } = await amplitudeSearch(context, search, limits)
    return limits === options ? adversarial : { adversarial, transform: evidence }
  },
  /** Uses the options' limits: an upper bound if a transform permits no mixing or no scaling. */
  cost: (options) => amplitudeSearchCost(searchOptions(options, options.scale), options),
})

function searchOptions(options: Options, scale: number): AmplitudeSearchOptions {
  return { ...options, stepSize: options.stepSize ?? scale / 5 }
}
