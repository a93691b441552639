/** VGG networks with batch normalization for small images. */
import { g } from '../../core/api/graph.ts'
import type { Value } from '../../core/api/graph.ts'
import { defineNetwork, optionLimits } from '../../core/api/plugin.ts'
import { batchNormalization, convolution, globalAverage, linear } from '../../core/api/training.ts'
import { papers } from '../papers.ts'

/** Convolutions per stage: configurations A, B, D and E of Table 1. */
const stages = {
  11: [1, 1, 2, 2, 2],
  13: [2, 2, 2, 2, 2],
  16: [2, 2, 3, 3, 3],
  19: [2, 2, 4, 4, 4],
} as const

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    depth: {
      enum: [11, 13, 16, 19],
      default: 16,
      description: 'number of layers with weights of the ImageNet form',
    },
    width: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.width,
      default: 64,
      description: 'channels of the first stage; the others have 2, 4, 8 and 8 times as many',
    },
  },
} as const

/**
 * VGG in its CIFAR form: stages of 3 × 3 convolutions with bias, batch normalization and ReLU, each
 * followed by 2 × 2 max pooling, global average pooling, and one linear layer instead of three.
 * Maps of one pixel are not pooled, so that images smaller than 32 × 32 pass, too. Kernels are
 * initialized as in He et al. 2015, arXiv:1502.01852: normalization is not part of the paper.
 * @see Simonyan and Zisserman 2014, Table 1
 */
export const vgg = defineNetwork({
  meta: {
    id: 'vgg',
    apiVersion: 1,
    version: 1,
    title: 'VGG with batch normalization (CIFAR VGG-16)',
    source: papers.simonyan2014,
    provenance: 'paper',
    optionsSchema,
  },
  define({ options: { depth, width }, classes }) {
    return {
      title: `VGG-${depth}, ${width} base channels`,
      build(scope, images) {
        let x = images
        stages[depth].forEach((count, stage) => {
          const channels = width * Math.min(8, 2 ** stage)
          for (let layer = 0; layer < count; layer++) {
            const y = convolution(scope, x, { channels, kernel: 3, bias: true })
            x = g.relu(batchNormalization(scope, y))
          }
          x = halve(x)
        })
        return linear(scope, globalAverage(x), classes)
      },
    }
  },
})

/** 2 × 2 max pooling, unless height or width is 1. */
function halve(x: Value): Value {
  if (x.shape[2] === 1 || x.shape[3] === 1) return x
  return g.op('MaxPool', [x], { kernel_shape: [2, 2], strides: [2, 2] })[0]!
}
