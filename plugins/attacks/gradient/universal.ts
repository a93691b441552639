/** Universal perturbation: the same for every image, learned from other images. */
import {
  defineAttack,
  epsilonSchema,
  parseEpsilon,
  optionLimits,
} from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { addUniversal, learnUniversal } from './universal-perturbation.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    examples: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.examples,
      default: 500,
      description:
        'number of examples to learn from, evenly spaced in the data set; at most all of them',
    },
    epochs: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.rounds,
      default: 10,
      description: 'passes over these examples',
    },
    stepExamples: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.batch,
      default: 50,
      description: 'examples per step, over which the gradient is averaged',
    },
    stepSize: {
      ...epsilonSchema,
      description:
        'a positive number or a fraction such as "1/255"; epsilon / 10 by default, and in L0 the ' +
        'range of the bounds',
    },
    lossLimit: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: optionLimits.factor,
      default: 9,
      description: 'examples with a higher cross-entropy do not contribute to a step',
    },
  },
} as const satisfies JSONSchema

/**
 * A universal adversarial perturbation: one v for all images, x' = clip(x + v). The concept is from
 * Moosavi-Dezfooli et al. 2017, who sum DeepFool steps. Here v is learned by projected gradient
 * ascent on a limited loss, as in Shafahi et al., which works the same way in any norm. It learns
 * from examples of the evaluated data set, including labels, where the papers use training images:
 * an attacker who has not seen them breaks about as many images at most.
 *
 * All passes are for learning, once in each worker; the attacked images cost none. The seed has no
 * effect.
 * @see Moosavi-Dezfooli, Fawzi, Fawzi, Frossard 2017, "Universal adversarial perturbations",
 * arXiv:1610.08401; Shafahi et al. 2018, algorithm 1
 */
export const universal = defineAttack({
  meta: {
    id: 'universal',
    apiVersion: 1,
    version: 1,
    title: 'Universal adversarial perturbation',
    source: papers.shafahi2018,
    provenance: 'paper',
    norms: ['Linf', 'L2', 'L0'],
    knowledge: 'white-box',
    restricted: true,
    goals: ['untargeted'],
    stochastic: false,
    optionsSchema,
  },
  async run(context) {
    const { options, threatModel } = context
    const { norm, epsilon, bounds } = threatModel
    const reach = norm === 'L0' ? bounds[1] - bounds[0] : epsilon / 10
    const stepSize = parseEpsilon(options.stepSize ?? reach, 'stepSize')
    const perturbation = await context.setupOnce('perturbation', () =>
      learnUniversal(context, { ...options, stepSize }),
    )
    context.progress(context.labels.length)
    return addUniversal(context, perturbation)
  },
  /** An upper bound if the data set has fewer examples than `examples`. */
  cost({ examples, epochs }) {
    const passes = examples * epochs
    return { forward: 0, backward: 0, setup: { forward: passes, backward: passes } }
  },
})
