/** A small convolutional network for quick runs and small images. */
import { g } from '../../core/api/graph.ts'
import { defineNetwork, optionLimits } from '../../core/api/plugin.ts'
import { batchNormalization, convolution, flatten, linear } from '../../core/api/training.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    width: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.width,
      default: 16,
      description: 'channels of the first convolution; each further one doubles them',
    },
    layers: {
      type: 'integer',
      minimum: 1,
      maximum: 6,
      default: 3,
      description: 'number of convolutions, 1 to 6; all but the first have stride 2',
    },
    hidden: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.width,
      default: 64,
      description: 'units of the hidden linear layer',
    },
  },
} as const

/**
 * 3 × 3 convolutions with batch normalization and ReLU, all but the first with stride 2, then two
 * linear layers.
 */
export const smallCnn = defineNetwork({
  meta: {
    id: 'small-cnn',
    apiVersion: 1,
    version: 1,
    title: 'Small convolutional network',
    provenance: 'own',
    optionsSchema,
  },
  define({ options: { width, layers, hidden }, classes }) {
    return {
      title: `CNN of ${layers} convolutions, ${width} base channels`,
      build(scope, images) {
        let x = images
        for (let layer = 0; layer < layers; layer++) {
          const channels = width * 2 ** layer
          x = g.relu(
            batchNormalization(
              scope,
              convolution(scope, x, { channels, kernel: 3, stride: layer === 0 ? 1 : 2 }),
            ),
          )
        }
        return linear(scope, g.relu(linear(scope, flatten(x), hidden)), classes)
      },
    }
  },
})
