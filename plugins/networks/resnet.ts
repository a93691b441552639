/** Residual networks for small images. */
import { g } from '../../core/api/graph.ts'
import type { Value } from '../../core/api/graph.ts'
import { defineNetwork, optionLimits } from '../../core/api/plugin.ts'
import { convolution, globalAverage, linear } from '../../core/api/training.ts'
import type { LayerScope } from '../../core/api/training.ts'
import { papers } from '../papers.ts'
import { normalizationSchema, normalize, type Normalization } from './normalization.ts'

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
        'residual blocks of each stage, for 1 to 6 stages; [2, 2, 2, 2] is ResNet-18, and ' +
        '[n, n, n] is ResNet-(6n + 2) of the paper if `width` is 16: [3, 3, 3] is ResNet-20, ' +
        '[9, 9, 9] is ResNet-56',
    },
    stemStride: {
      enum: [1, 2],
      default: 1,
      description:
        'stride of the first convolution; 2 halves height and width of all feature maps, at a ' +
        'quarter of the cost',
    },
    shortcut: {
      enum: ['projection', 'padding'],
      default: 'projection',
      description:
        'shortcuts that change the shape: a normalized 1 × 1 convolution (option B of the ' +
        'paper), or every second pixel and zeros for new channels (option A, which the paper ' +
        'uses in its 6n + 2 networks)',
    },
    normalization: normalizationSchema,
  },
} as const

/** What all blocks of a network share. */
interface BlockOptions {
  readonly shortcut: 'projection' | 'padding'
  readonly normalization: Normalization
}

/**
 * ResNet-18 in its CIFAR form: a 3 × 3 stem without pooling, basic blocks, stride 2 in each stage
 * after the first, global average pooling, and one linear layer. The four stages are those of the
 * ImageNet form, as is common on CIFAR; three stages of n blocks with `width` 16 and `padding`
 * shortcuts are the paper's own CIFAR networks. Kernels are initialized as in He et al. 2015,
 * arXiv:1502.01852.
 * @see He et al. 2015, section 4.2
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
  define({ options, classes }) {
    const { width, blocks, stemStride } = options
    const depth = 2 * blocks.reduce((sum, count) => sum + count, 0) + 2
    const details = [
      `ResNet-${depth}`,
      `${width} base channels`,
      ...(stemStride === 2 ? ['stem of stride 2'] : []),
      ...(options.shortcut === 'padding' ? ['padding shortcuts'] : []),
      ...(options.normalization === 'group' ? ['group normalization'] : []),
    ]
    return {
      title: details.join(', '),
      build(scope, images) {
        const stem = convolution(scope, images, { channels: width, kernel: 3, stride: stemStride })
        let x = g.relu(normalize(scope, stem, options.normalization))
        blocks.forEach((count, stage) => {
          for (let block = 0; block < count; block++) {
            const stride = stage > 0 && block === 0 ? 2 : 1
            x = basicBlock(scope, x, { channels: width * 2 ** stage, stride, ...options })
          }
        })
        return linear(scope, globalAverage(x), classes)
      },
    }
  },
})

/** relu(norm(conv(relu(norm(conv(x))))) + shortcut(x)). */
function basicBlock(
  scope: LayerScope,
  x: Value,
  options: BlockOptions & { readonly channels: number; readonly stride: number },
): Value {
  const { channels, stride, shortcut, normalization } = options
  const norm = (y: Value): Value => normalize(scope, y, normalization)
  const inner = g.relu(norm(convolution(scope, x, { channels, kernel: 3, stride })))
  const outer = norm(convolution(scope, inner, { channels, kernel: 3 }))
  if (stride === 1 && x.shape[1] === channels) return g.relu(g.add(outer, x))
  const shortened =
    shortcut === 'padding'
      ? padChannels(x, channels, stride)
      : norm(convolution(scope, x, { channels, kernel: 1, stride, pad: 0 }))
  return g.relu(g.add(outer, shortened))
}

/** Every `stride`-th pixel of x, with zeros for the channels that it lacks. */
function padChannels(x: Value, channels: number, stride: number): Value {
  const [, present, height, width] = x.shape.map(Number)
  const pixels = g.slice(x, [0, 0], [height!, width!], [2, 3], [stride, stride])
  return g.pad(pixels, [0, 0, 0, 0, 0, channels - present!, 0, 0])
}
