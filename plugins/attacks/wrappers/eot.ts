/** EOT: another attack, on the expectation of a model that answers at random. */
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
      description: 'passes of which the mean counts, in place of each one',
    },
  },
} as const satisfies JSONSchema

/**
 * Expectation over transformation: the wrapped attack sees the mean logits, losses and gradients of several passes. So it steps along the mean
 * gradient, and keeps a point for what the model says of it on average; the reference implementations of randomized evaluation decide by one
 * pass. The point that comes out is scored by the host, whose random numbers no attack has seen; an attack that stops where the mean is
 * misclassified may stop so near the boundary that the host's one draw is not. Programs that an attack compiles are run
 * once, not averaged: of what they put out a mean need not mean anything.
 * @see Athalye, Engstrom, Ilyas, Kwok 2018, "Synthesizing robust adversarial examples", arXiv:1707.07397
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
