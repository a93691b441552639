/** BPDA: runs another attack with the backward passes that the defense's components declare. */
import { defineAttack, innerAttack, wrappedAttackSchema } from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { declaredTreatment } from './adaptive-model.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    attack: wrappedAttackSchema,
    straightThrough: {
      type: 'boolean',
      default: true,
      description:
        'use straight-through estimates for the gradients of rounding and thresholds, which are ' +
        'zero otherwise',
    },
  },
} as const satisfies JSONSchema

/**
 * Backward pass differentiable approximation: runs the wrapped attack on the model with an
 * unchanged forward pass, and treats each component in the backward pass as the defense declares.
 * On a model without components it only adds straight-through estimates. The paper does not name
 * these; they are its rule with the surrogate gradients of Bengio et al. 2013 (arXiv:1308.3432).
 * @see Athalye et al. 2018, section 4.1
 */
export const bpda = defineAttack({
  meta: {
    id: 'bpda',
    apiVersion: 1,
    version: 1,
    title: 'Backward pass differentiable approximation',
    source: papers.athalye2018,
    provenance: 'paper',
    norms: ['Linf', 'L2', 'L1'],
    knowledge: 'white-box',
    goals: ['untargeted', 'targeted'],
    stochastic: true,
    optionsSchema,
    optionRoles: { attack: 'attack' },
  },
  run(context) {
    const { model, options } = context
    const { straightThrough } = options
    const components = declaredTreatment(model)
    return innerAttack(context).run({
      ...context,
      model: model.variant({ components, straightThrough }),
    })
  },
  cost: (_options, _classes, _norm, inner) => inner ?? { forward: 0, backward: 0 },
})
