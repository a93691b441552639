/** JPEG: compresses and decompresses each image before it is classified. */
import { defineDefense } from '../../../core/api/plugin.ts'
import { papers } from '../../papers.ts'
import { transformationProperties, transformInputs } from '../protection/input-transformation.ts'
import { jpegRoundTrip } from './jpeg-expression.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['base'],
  properties: {
    ...transformationProperties,
    backward: { ...transformationProperties.backward, default: 'identity' },
    quality: {
      type: 'integer',
      minimum: 1,
      maximum: 100,
      default: 75,
      description: 'quality as in libjpeg, from 1 to 100; lower values remove more',
    },
  },
} as const

/**
 * t(x) is the image after JPEG compression, without chroma subsampling and without rounding of
 * pixels. The derivative of the rounding is zero everywhere; the component declares the identity.
 * @see Dziugaite et al. 2016; Guo et al. 2017 use quality 75
 */
export const jpeg = defineDefense({
  meta: {
    id: 'jpeg',
    apiVersion: 1,
    version: 1,
    title: 'JPEG compression',
    source: papers.dziugaite2016,
    provenance: 'paper',
    trains: false,
    optionsSchema,
    optionRoles: { base: 'path' },
  },
  prepare: (context) =>
    transformInputs(context, ({ images }) => jpegRoundTrip(images, context.options.quality)),
})
