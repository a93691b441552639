/** Residual networks with pre-activation for small images. */
import { defineNetwork, optionLimits } from '../../core/api/plugin.ts'
import { convolution, globalAverage, linear } from '../../core/api/training.ts'
import { papers } from '../papers.ts'
import { normalizationSchema } from './normalization.ts'
import { activate, preActivationStage } from './pre-activation.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    width: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.width,
      default: 64,
      description: 'channels of the first stage; each further stage doubles them',
    },
    blocks: {
      type: 'array',
      items: { type: 'integer', minimum: 1, maximum: optionLimits.depth },
      minItems: 1,
      maxItems: 6,
      default: [2, 2, 2, 2],
      description:
        'residual blocks of each stage, for 1 to 6 stages; [2, 2, 2, 2] is PreActResNet-18',
    },
    normalization: normalizationSchema,
  },
} as const

/**
 * PreActResNet-18 in its CIFAR form: a 3 × 3 stem, blocks that normalize and activate before each
 * convolution, stride 2 in each stage after the first, a last normalization and ReLU, global
 * average pooling, and one linear layer. Kernels are initialized as in He et al. 2015,
 * arXiv:1502.01852.
 * @see He et al. 2016, Figure 4(e) and the appendix, for the activation after the last block
 */
export const preactResnet = defineNetwork({
  meta: {
    id: 'preact-resnet',
    apiVersion: 1,
    version: 1,
    title: 'Residual network with pre-activation (CIFAR PreActResNet-18)',
    source: papers.he2016,
    provenance: 'paper',
    optionsSchema,
  },
  define({ options: { width, blocks, normalization }, classes }) {
    const depth = 2 * blocks.reduce((sum, count) => sum + count, 0) + 2
    const group = normalization === 'group' ? ', group normalization' : ''
    return {
      title: `PreActResNet-${depth}, ${width} base channels${group}`,
      build(scope, images) {
        let x = convolution(scope, images, { channels: width, kernel: 3 })
        blocks.forEach((count, stage) => {
          x = preActivationStage(scope, x, {
            blocks: count,
            channels: width * 2 ** stage,
            stride: stage === 0 ? 1 : 2,
            normalization,
          })
        })
        return linear(scope, globalAverage(activate(scope, x, normalization)), classes)
      },
    }
  },
})
