/** BPDA: another attack, with the backward passes that the defense's components declare. */
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
        'let gradients pass rounding and thresholds, too, whose derivative is zero, as a straight-through estimate',
    },
  },
} as const satisfies JSONSchema

/**
 * Backward pass differentiable approximation: runs the wrapped attack on the model with its forward pass as it is, while gradients pass
 * each component as the defense declares. On a model without components only the straight-through estimates are left, which the paper does not
 * name; they are its rule with the surrogates of Bengio, Léonard, Courville 2013, arXiv:1308.3432.
 * @see Athalye, Carlini, Wagner 2018, "Obfuscated gradients give a false sense of security", arXiv:1802.00420, section 4.1
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
