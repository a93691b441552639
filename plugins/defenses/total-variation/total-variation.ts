/** Total variation: smooths each image while it keeps edges, before it is classified. */
import { defineDefense, optionLimits } from '../../../core/api/plugin.ts'
import { papers } from '../../papers.ts'
import { transformationProperties, transformInputs } from '../protection/input-transformation.ts'
import { minimizeTotalVariation } from './minimize-total-variation.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['base'],
  properties: {
    ...transformationProperties,
    backward: { ...transformationProperties.backward, default: 'exact' },
    weight: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: optionLimits.factor,
      default: 0.05,
      description: 'λ: weight of the total variation, for pixels in [0, 1]; larger is smoother',
    },
    steps: {
      type: 'integer',
      minimum: 1,
      maximum: 200,
      default: 20,
      description: 'steps of the minimization; each is a part of the graph',
    },
  },
} as const

/**
 * t(x) approximates the minimizer z of ½‖z − x‖² + λ·TV(z) by a fixed number of differentiable
 * steps. Guo et al. minimize the same variation, but from a random subset of pixels; this defense
 * is deterministic, and says nothing about theirs.
 * @see Guo et al. 2017, section 4.3; Chambolle 2004 for the steps
 */
export const totalVariation = defineDefense({
  meta: {
    id: 'total-variation',
    apiVersion: 1,
    version: 1,
    title: 'Total-variation minimization',
    source: papers.guo2017,
    provenance: 'paper',
    trains: false,
    optionsSchema,
    optionRoles: { base: 'path' },
  },
  prepare: (context) =>
    transformInputs(context, ({ images }) => minimizeTotalVariation(images, context.options)),
})
