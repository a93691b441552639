/** Residual networks for small images. */
import { g } from '../../core/api/graph.ts'
import type { Value } from '../../core/api/graph.ts'
import { defineNetwork } from '../../core/api/plugin.ts'
import { batchNormalization, convolution, globalAverage, linear } from '../../core/api/training.ts'
import type { LayerScope } from '../../core/api/training.ts'
import { papers } from '../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    width: {
      type: 'integer',
      minimum: 1,
      default: 64,
      description: 'channels of the first stage; each further stage doubles them',
    },
    blocks: {
      type: 'array',
      items: { type: 'integer', minimum: 1 },
      minItems: 1,
      maxItems: 6,
      default: [2, 2, 2, 2],
      description: 'residual blocks of each stage, for 1 to 6 stages; [2, 2, 2, 2] is ResNet-18',
    },
    stemStride: {
      enum: [1, 2],
      default: 1,
      description:
        'stride of the first convolution; 2 halves height and width of all feature maps, at a ' +
        'quarter of the cost',
    },
  },
} as const

/**
 * ResNet-18 in its CIFAR form: a 3 × 3 stem without pooling, basic blocks, stride 2 in each stage
 * after the first, global average pooling, and one linear layer. The four stages are those of the
 * ImageNet form, as is common on CIFAR.
 * @see He et al. 2015, section 4.2, for the stem
 */
export const resnet = defineNetwork({
  meta: {
    id: 'resnet',
    apiVersion: 1,
    version: 1,
    title: 'Residual network (CIFAR ResNet-18)',
    source: papers.he2015,
    provenance: 'paper',
    optionsSchema,
  },
  define({ options: { width, blocks, stemStride }, classes }) {
    const depth = 2 * blocks.reduce((sum, count) => sum + count, 0) + 2
    const stem = stemStride === 2 ? ', stem of stride 2' : ''
    return {
      title: `ResNet-${depth}, ${width} base channels${stem}`,
      build(scope, images) {
        let x = g.relu(
          batchNormalization(
            scope,
            convolution(scope, images, { channels: width, kernel: 3, stride: stemStride }),
          ),
        )
        blocks.forEach((count, stage) => {
          for (let block = 0; block < count; block++) {
            x = basicBlock(scope, x, width * 2 ** stage, stage > 0 && block === 0 ? 2 : 1)
          }
        })
        return linear(scope, globalAverage(x), classes)
      },
    }
  },
})

/** relu(norm(conv(relu(norm(conv(x))))) + shortcut(x)). */
function basicBlock(scope: LayerScope, x: Value, channels: number, stride: number): Value {
  const inner = g.relu(
    batchNormalization(scope, convolution(scope, x, { channels, kernel: 3, stride })),
  )
  const outer = batchNormalization(scope, convolution(scope, inner, { channels, kernel: 3 }))
  const same = stride === 1 && x.shape[1] === channels
  const shortcut = same
    ? x
    : batchNormalization(scope, convolution(scope, x, { channels, kernel: 1, stride, pad: 0 }))
  return g.relu(g.add(outer, shortcut))
}
