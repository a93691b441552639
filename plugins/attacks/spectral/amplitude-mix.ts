/** Amplitude-mix: another image's Fourier amplitude, or one's own changed, with one's own phase. */
import { gradientOptions } from '../../../core/api/attack.ts'
import { defineAttack } from '../../../core/api/plugin.ts'
import type { FromSchema, JSONSchema } from '../../../core/api/plugin.ts'
import { amplitudeSearch, amplitudeSearchCost } from './amplitude-search.ts'
import type { AmplitudeSearchOptions } from './amplitude-search.ts'
import { papers } from '../../papers.ts'

const withoutTransform = 'where the threat model has no amplitude transform, which states its own: '
const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    distractors: {
      type: 'integer',
      minimum: 1,
      default: 10,
      description: 'how many random examples of the data set to take the amplitude of',
    },
    mixes: {
      type: 'integer',
      minimum: 1,
      default: 5,
      description: 'how many shares λ of the foreign amplitude to try with each, up to the limit',
    },
    steps: {
      type: 'integer',
      minimum: 0,
      default: 10,
      description: 'gradient steps in the amplitude of the worst mixture',
    },
    stepSize: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 1,
      description:
        'how far a step changes an amplitude, relative to it; a fifth of the limit if left out',
    },
    loss: gradientOptions.loss,
    mix: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      default: 0.5,
      description: `${withoutTransform}the limit of λ`,
    },
    scale: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      default: 0.5,
      description: `${withoutTransform}how far amplitudes may be scaled away from 1`,
    },
  },
} as const satisfies JSONSchema

type Options = FromSchema<typeof optionsSchema>

/**
 * The amplitude mix-up as an attack. The paper mixes at random, to train; the search for the worst distractor and share, and the gradient steps in
 * the amplitude after it, are ours. The paper's generator of amplitudes is not part of it.
 *
 * In a threat model with the transform `amplitude` the answer is T(x) with its parameters, which the host repeats; the ball around T(x) is left
 * unused. In any other the images are projected onto the ball around x: in a small ball little is left of the mixture, and the
 * row shows what amplitudes alone achieve there, not the worst of the ball.
 * @see Li, Li, Wu, Tian, Zhou 2024, "DAT: improving adversarial robustness via generative amplitude mix-up in frequency domain", arXiv:2410.12307
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
  /** By the options' limits: at most that much where a transform permits no mixture or no scaling. */
  cost: (options) => amplitudeSearchCost(searchOptions(options, options.scale), options),
})

function searchOptions(options: Options, scale: number): AmplitudeSearchOptions {
  return { ...options, stepSize: options.stepSize ?? scale / 5 }
}
