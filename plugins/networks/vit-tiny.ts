/** Vision transformers for small images. */
import { g } from '../../core/api/graph.ts'
import type { Value } from '../../core/api/graph.ts'
import { ConfigError, defineNetwork, optionLimits } from '../../core/api/plugin.ts'
import { globalAverage, linear, uniformFanIn } from '../../core/api/training.ts'
import type { LayerScope } from '../../core/api/training.ts'
import { papers } from '../papers.ts'
import { layerNormalization, normal, transformerBlock } from './transformer.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    patch: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.pixels,
      default: 4,
      description: 'width and height of a patch in pixels; it divides those of the images',
    },
    width: {
      type: 'integer',
      minimum: 4,
      maximum: optionLimits.width,
      multipleOf: 4,
      default: 192,
      description: 'features of a token, a multiple of 4',
    },
    depth: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.depth,
      default: 12,
      description: 'number of blocks',
    },
    heads: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.width,
      default: 3,
      description: 'attention heads of each block; they divide `width`',
    },
    hidden: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.width,
      default: 4,
      description: 'units of the hidden layer of the perceptrons, as a multiple of `width`',
    },
    pooling: {
      enum: ['token', 'mean'],
      default: 'token',
      description: 'the features that are classified: those of a class token, or their mean',
    },
  },
} as const

/**
 * A vision transformer in the size of DeiT-tiny, with patches of 4 × 4 for images of 32 × 32: patch
 * embedding, class token, learned positions, pre-norm blocks, and a linear layer. Normalization
 * does not use the batch, so there is nothing to split by branch. Initialization follows DeiT: the
 * patch embedding is uniform in ±1/√(fan in); other matrices, positions and the class token are
 * normal with standard deviation 0.02; biases are zero.
 * @see Dosovitskiy et al. 2020, equations 1 to 4; Touvron et al. 2020, arXiv:2012.12877, Table 1
 */
export const vitTiny = defineNetwork({
  meta: {
    id: 'vit-tiny',
    apiVersion: 1,
    version: 1,
    title: 'Vision transformer (ViT-Ti/4)',
    source: papers.dosovitskiy2020,
    provenance: 'paper',
    optionsSchema,
  },
  define({ options, inputShape: [channels, height, width], classes }) {
    const { patch, heads } = options
    if (options.width % heads !== 0) {
      throw new ConfigError(
        'ROBENCH_CONFIG',
        `vit-tiny: expected heads that divide the width ${options.width}, got ${heads}`,
      )
    }
    if (height % patch !== 0 || width % patch !== 0) {
      throw new ConfigError(
        'ROBENCH_CONFIG',
        `vit-tiny: expected a patch size that divides ${height} × ${width} images, got ${patch}`,
      )
    }
    const rows = height / patch
    const columns = width / patch
    const hasToken = options.pooling === 'token'
    const tokens = rows * columns + (hasToken ? 1 : 0)
    const details = [
      `ViT/${patch} of ${options.depth} blocks`,
      `${options.width} features`,
      `${heads} heads`,
      ...(options.hidden === 4 ? [] : [`hidden layers ${options.hidden} times as wide`]),
      ...(hasToken ? [] : ['mean pooling']),
    ]
    return {
      title: details.join(', '),
      build(scope, images) {
        const patches = patchRows(images, { channels, rows, columns, patch })
        const embedded = linear(scope, patches, options.width, uniformFanIn)
        let x = position(scope, g.reshape(embedded, [-1, rows * columns, options.width]), hasToken)
        for (let block = 0; block < options.depth; block++) {
          x = transformerBlock(scope, x, { tokens, heads, hidden: options.hidden * options.width })
        }
        const features = g.reshape(layerNormalization(scope, x), [-1, tokens, options.width])
        const pooled = hasToken
          ? g.squeeze(g.slice(features, [0], [1], [1]), [1])
          : globalAverage(g.unsqueeze(g.transpose(features, [0, 2, 1]), [3]))
        return linear(scope, pooled, classes, normal)
      },
    }
  },
})

/** `[n, c, h, w]` to `[n · rows · columns, c · patch²]`, the patches from left to right. */
function patchRows(
  images: Value,
  sizes: Readonly<Record<'channels' | 'rows' | 'columns' | 'patch', number>>,
): Value {
  const { channels, rows, columns, patch } = sizes
  const grid = g.reshape(images, [-1, channels, rows, patch, columns, patch])
  return g.reshape(g.transpose(grid, [0, 2, 4, 1, 3, 5]), [-1, channels * patch * patch])
}

/**
 * Puts a class token in front, if there is one, and adds a learned vector for each position:
 * `[n, t, features]` to `[n · tokens, features]`.
 */
function position(scope: LayerScope, x: Value, hasToken: boolean): Value {
  const [, count, features] = x.shape.map(Number)
  const name = scope.layer('position')
  const shape = [count! + (hasToken ? 1 : 0), features!]
  const positions = scope.parameter(name, shape, normal, { decays: false })
  if (!hasToken) return g.reshape(g.add(x, positions), [-1, features!])
  const token = scope.parameter(scope.layer('token'), [1, features!], normal, { decays: false })
  const first = g.add(g.pad(token, [0, 0, count!, 0]), positions)
  return g.reshape(g.add(g.pad(x, [0, 1, 0, 0, 0, 0]), first), [-1, features!])
}
