/** EOT: runs another attack on the expectation of a stochastic model. */
import { defineAttack, innerAttack, wrappedAttackSchema } from '../../../core/api/plugin.ts'
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
      default: 20,
      description: 'passes averaged for each evaluation of the model, 1 or more',
    },
  },
} as const satisfies JSONSchema

/**
 * Expectation over transformation: the wrapped attack sees the mean logits, losses, and gradients
 * of several passes. So it steps along the mean gradient and selects points by the mean logits;
 * reference implementations of randomized evaluation select them by one pass. The host scores the
 * result with random numbers that no attack has seen. An attack that stops where the mean is
 * misclassified may be so near the boundary that the host's draw is classified correctly. Programs
 * that an attack compiles run once and are not averaged.
 * @see Athalye et al. 2017
 */
export const eot = defineAttack({
  meta: {
    id: 'eot',
    apiVersion: 1,
    version: 1,
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
