/** Random resizing: shrinks each image to a random size and places it at random. */
import { ConfigError, defineDefense } from '../../../core/api/plugin.ts'
import { papers } from '../../papers.ts'
import { transformationProperties, transformInputs } from '../protection/input-transformation.ts'
import { randomlyResized } from './random-placement.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['base'],
  properties: {
    ...transformationProperties,
    backward: { ...transformationProperties.backward, default: 'exact' },
    smallest: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 1,
      default: 0.8,
      description: 'smallest size, as a fraction of the image; sizes are uniform from it to 1',
    },
  },
} as const

/**
 * t(x) is the image at a random size, with linear interpolation, at a random position in a black
 * image of the original size. Each example has its own draw. The paper enlarges images of 299
 * pixels to at most 331; a model of a fixed input size needs sizes below it. The transformation is
 * differentiable; `eot` averages over draws.
 * @see Xie et al. 2017
 */
export const randomResize = defineDefense({
  meta: {
    id: 'random-resize',
    apiVersion: 1,
    version: 1,
    title: 'Random resizing and padding',
    source: papers.xie2017,
    provenance: 'paper',
    trains: false,
    optionsSchema,
    optionRoles: { base: 'path' },
  },
  prepare(context) {
    const { options, dataset } = context
    const [, height, width] = dataset.shape
    if (height !== width) {
      throw new ConfigError(
        'ROBENCH_CONFIG',
        `random-resize: expected square images, got ${height} × ${width}`,
      )
    }
    const smallest = Math.max(1, Math.round(options.smallest * height))
    return transformInputs(context, ({ images, random }) =>
      randomlyResized(images, random, smallest),
    )
  },
})
