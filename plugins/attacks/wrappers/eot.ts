/** EOT: runs another attack on the expectation of a stochastic model. */
import {
  defineAttack,
  innerAttack,
  wrappedAttackSchema,
  optionLimits,
} from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { meanModel } from './adaptive-model.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    attack: wrappedAttackSchema,
    samples: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.samples,
      default: 20,
      description: 'passes averaged for each evaluation of the model, 1 or more',
    },
  },
} as const satisfies JSONSchema

/**
 * Expectation over transformation: the wrapped attack sees the mean logits, losses, and gradients
 * of several passes. So it steps along the mean gradient and selects points by the mean logits;
 * reference implementations of randomized evaluation select them by one pass. Attacks that return
 * the best of their points, such as those by projected gradients, APGD, and Square, do not stop
 * where the mean is misclassified: they go on to the largest margin of the mean logits. A point at
 * the boundary would be classified correctly in about half of the draws, and the host scores the
 * result with random numbers that no attack has seen. Programs that an attack compiles run once and
 * are not averaged.
 * @see Athalye et al. 2017
 */
export const eot = defineAttack({
  meta: {
    id: 'eot',
    apiVersion: 1,
    version: 2,
    title: 'Expectation over transformation',
    source: papers.athalye2017,
    provenance: 'paper',
    norms: ['Linf', 'L2', 'L1'],
    knowledge: 'white-box',
    goals: ['untargeted', 'targeted'],
    stochastic: true,
    optionsSchema,
    optionRoles: { attack: 'attack' },
  },
  run: (context) =>
    innerAttack(context).run({
      ...context,
      model: meanModel(context.model, context.options.samples),
    }),
  cost({ samples }, _classes, _norm, inner) {
    const times = (passes = { forward: 0, backward: 0 }): typeof passes => ({
      forward: samples * passes.forward,
      backward: samples * passes.backward,
    })
    return { ...times(inner), ...(inner?.setup && { setup: times(inner.setup) }) }
  },
})
