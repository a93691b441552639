/** Bit depth: rounds each pixel to a few levels before the image is classified. */
import { g } from '../../../core/api/graph.ts'
import { defineDefense } from '../../../core/api/plugin.ts'
import { papers } from '../../papers.ts'
import { transformationProperties, transformInputs } from '../protection/input-transformation.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['base'],
  properties: {
    ...transformationProperties,
    backward: { ...transformationProperties.backward, default: 'identity' },
    bits: {
      type: 'integer',
      minimum: 1,
      maximum: 8,
      default: 3,
      description: 'bits per channel that remain, from 1 to 8',
    },
  },
} as const

/**
 * t(x) = round(x·(2ᵇ − 1)) / (2ᵇ − 1) for x in [0, 1]. Ties round to even. Its own derivative is
 * zero everywhere; it declares the identity.
 * @see Xu et al. 2017, section 3.1; Guo et al. 2017 use 3 bits
 */
export const bitDepth = defineDefense({
  meta: {
    id: 'bit-depth',
    apiVersion: 1,
    version: 1,
    title: 'Bit-depth reduction',
    source: papers.xu2017,
    provenance: 'paper',
    trains: false,
    optionsSchema,
    optionRoles: { base: 'path' },
  },
  prepare: (context) =>
    transformInputs(context, ({ images }) => {
      const steps = 2 ** context.options.bits - 1
      return g.div(g.op('Round', [g.mul(images, steps)])[0]!, steps)
    }),
})
