/** Gradient step: moves each image along the model's estimate of its input gradient first. */
import { estimateGradientMap, g, toOnnx } from '../../../core/api/graph.ts'
import { defineDefense, epsilonSchema, parseEpsilon } from '../../../core/api/plugin.ts'
import type { JSONSchema, ModelManifest } from '../../../core/api/plugin.ts'
import { baseProperty, withProtectedBase } from '../protection/protected-base.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['base'],
  properties: {
    base: baseProperty,
    mode: {
      enum: ['pseudo', 'margin', 'uniform'],
      default: 'pseudo',
      description:
        'gradient to estimate without the label; pseudo: of the loss of the predicted class; ' +
        'margin: of its margin over the next class; uniform: mean over the losses of all classes',
    },
    normalize: {
      enum: ['rms', 'linf', 'sign', 'frobPerChannel'],
      default: 'rms',
      description: 'scaling of the gradient; all but frobPerChannel give values in [-1, 1]',
    },
    direction: {
      enum: ['away', 'towards'],
      default: 'away',
      description:
        'away: away from the predicted class, which undoes an attack that has just crossed the ' +
        'boundary; towards: toward the predicted class',
    },
    stepSize: {
      ...epsilonSchema,
      default: '8/255',
      description:
        'τ: change of a pixel per unit of the scaled gradient, a positive number or a fraction',
    },
  },
} as const satisfies JSONSchema

/**
 * h(x) = f(clip(x ± τ·n(ĝ(x)))) in one ONNX graph, where f is the base model, ĝ its estimated input
 * gradient, and n a scaling. It is a minimal defense that uses gradients, for testing adaptive
 * attacks. The step away from the predicted class compensates for an attack on f alone; an attack
 * through the step breaks more examples than it would without the step. The step toward the
 * predicted class changes few predictions of f.
 *
 * Its components are `gradient-map`, from x to n(ĝ(x)), which declares `constant`, and
 * `restoration`, from x to the moved image, which declares `identity`.
 * @see Hong et al. 2022, whose restoration network has the same map as an input
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
  prepare: (context) =>
    withProtectedBase(context, context.options.base, (base) => {
      const { options } = context
      const { classNames } = base
      const stepSize = parseEpsilon(options.stepSize, 'stepSize')
      const images = g.input('images', 'float32', ['n', ...base.inputShape])
      const map = estimateGradientMap((x) => base.apply(x), images, options)
      // The maps of pseudo and margin point away from the predicted class, that of uniform toward
      // it.
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
    }),
})
