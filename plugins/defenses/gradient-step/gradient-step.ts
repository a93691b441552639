/** Gradient step: moves each image along the model's own estimate of its input gradient before it is classified. */
import {
  estimateGradientMap,
  g,
  loadModel,
  readModelFile,
  toOnnx,
} from '../../../core/api/graph.ts'
import {
  ConfigError,
  defineDefense,
  epsilonSchema,
  parseEpsilon,
} from '../../../core/api/plugin.ts'
import type { JSONSchema, ModelManifest } from '../../../core/api/plugin.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['base'],
  properties: {
    base: {
      type: 'string',
      description:
        'The .onnx file of the model to protect, relative to the suite; its card is read.',
    },
    mode: {
      enum: ['pseudo', 'margin', 'uniform'],
      default: 'pseudo',
      description:
        'What is estimated without the label: the gradient of the loss of the predicted class, of its margin over the next, or the mean over all classes.',
    },
    normalize: {
      enum: ['rms', 'linf', 'sign', 'frobPerChannel'],
      default: 'rms',
      description: 'How the gradient is scaled; all but frobPerChannel lead to values in [-1, 1].',
    },
    direction: {
      enum: ['away', 'towards'],
      default: 'away',
      description:
        'away from the class predicted, which takes back an attack that has only just crossed the boundary, or towards it.',
    },
    stepSize: {
      ...epsilonSchema,
      default: '8/255',
      description: 'τ: what one unit of the scaled gradient moves a pixel by.',
    },
  },
} as const satisfies JSONSchema

/**
 * h(x) = f(clip(x ± τ·n(ĝ(x)))), all inside one ONNX graph: f the base model, ĝ its estimated input gradient, n a scaling. The simplest of
 * defenses that consume gradients, made to try adaptive attacks on: the step away from the class predicted makes up for an attack on f
 * alone, and an attack through the step breaks more than it would without. The step towards that class changes few predictions of f.
 *
 * Its components: `gradient-map`, x to n(ĝ(x)), declared `constant`; `restoration`, x to the moved image, declared `identity`.
 * @see Hong, Hong, Kong 2022, arXiv:2202.01117, whose restoration network takes the same map as an input
 */
export const gradientStep = defineDefense({
  meta: {
    id: 'gradient-step',
    apiVersion: 1,
    version: 1,
    title: 'Step along the own input gradient',
    provenance: 'own',
    trains: false,
    optionsSchema,
    optionRoles: { base: 'path' },
  },
  async prepare({ options, resolvePath, dataset, threads }) {
    const path = resolvePath(options.base)
    const file = await readModelFile(path, 'option base')
    const base = await loadModel(file.bytes, file.card.manifest, {
      name: path,
      inputShape: dataset.shape,
      threads,
    })
    try {
      if (base.stochastic) {
        throw new ConfigError(
          'ROBENCH_CONFIG',
          `option base: ${path} draws random numbers; its gradient at one draw says little of the next`,
        )
      }
      const { classNames } = file.card.manifest
      const stepSize = parseEpsilon(options.stepSize, 'stepSize')
      const images = g.input('images', 'float32', ['n', ...base.inputShape])
      const map = estimateGradientMap((x) => base.apply(x), images, options)
      // The maps of pseudo and margin point away from the class predicted, that of uniform towards it.
      const isUphill = (options.direction === 'away') === (options.mode !== 'uniform')
      const step = g.mul(map, isUphill ? stepSize : -stepSize)
      const restored = g.clip(g.add(images, step), ...base.bounds)
      const manifest: ModelManifest = {
        bounds: base.bounds,
        layout: 'NCHW',
        ...(classNames && { classNames }),
        components: [
          { name: 'gradient-map', input: 'images', output: 'gradient-map', backward: 'constant' },
          { name: 'restoration', input: 'images', output: 'restored', backward: 'identity' },
        ],
      }
      const logits = base.apply(restored)
      const model = toOnnx({ logits }, [images], { 'gradient-map': map, restored })
      return { model, manifest }
    } finally {
      await base.dispose()
    }
  },
})
