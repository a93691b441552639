/** Wide residual networks for small images. */
import { defineNetwork, optionLimits } from '../../core/api/plugin.ts'
import { convolution, globalAverage, linear } from '../../core/api/training.ts'
import { papers } from '../papers.ts'
import { normalizationSchema } from './normalization.ts'
import { activate, preActivationStage } from './pre-activation.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    depth: {
      enum: [10, 16, 22, 28, 34, 40],
      default: 28,
      description: 'number of layers, 6n + 4 for n blocks in each of the three stages',
    },
    widen: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.width,
      default: 10,
      description: 'widening factor k: the stages have k, 2k and 4k times `width` channels',
    },
    width: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.width,
      default: 16,
      description: 'channels of the first convolution',
    },
    normalization: normalizationSchema,
  },
} as const

/**
 * WRN-d-k: a 3 × 3 stem, three stages of pre-activation blocks with strides 1, 2 and 2, a last
 * normalization and ReLU, global average pooling, and one linear layer. There is no dropout, as
 * in WRN-34-10 of TRADES, whose default rate is 0. Kernels are normal with variance 2 / fan out.
 * @see Zagoruyko and Komodakis 2016, Table 1
 */
export const wideResnet = defineNetwork({
  meta: {
    id: 'wide-resnet',
    apiVersion: 1,
    version: 1,
    title: 'Wide residual network (WRN-28-10)',
    source: papers.zagoruyko2016,
    provenance: 'paper',
    optionsSchema,
  },
  define({ options: { depth, widen, width, normalization }, classes }) {
    const base = width === 16 ? '' : `, ${width} base channels`
    const group = normalization === 'group' ? ', group normalization' : ''
    return {
      title: `WRN-${depth}-${widen}${base}${group}`,
      build(scope, images) {
        let x = convolution(scope, images, { channels: width, kernel: 3 })
        for (let stage = 0; stage < 3; stage++) {
          x = preActivationStage(scope, x, {
            blocks: (depth - 4) / 6,
            channels: width * widen * 2 ** stage,
            stride: stage === 0 ? 1 : 2,
            normalization,
          })
        }
        return linear(scope, globalAverage(activate(scope, x, normalization)), classes)
      },
    }
  },
})
