/** A defense that transforms images before a given model classifies them. */
import { g, toStochasticOnnx } from '../../../core/api/graph.ts'
import type { Value } from '../../../core/api/graph.ts'
import type { DefenseContext, DefenseResult } from '../../../core/api/plugin.ts'
import { baseProperty, withProtectedBase } from './protected-base.ts'

/** JSON Schema properties of an input transformation. */
export const transformationProperties = {
  base: baseProperty,
  backward: {
    enum: ['identity', 'exact', 'constant'],
    description:
      'backward pass that the component input-transformation declares, for adaptive attacks such ' +
      'as bpda; identity: gradients pass as if it were not there; exact: its own derivative',
  },
} as const

/** The options of `transformationProperties` after validation. */
export interface TransformationOptions {
  readonly base: string
  readonly backward: 'identity' | 'exact' | 'constant'
}

/** What a transformation maps. */
export interface TransformationInput {
  /** Images `[n, c, h, w]` in [0, 1]. */
  readonly images: Value
  /** Uniform in [0, 1), in the shape of the images; a transformation that uses it is stochastic. */
  readonly random: Value
}

/**
 * h(x) = f(t(x)) in one ONNX graph, where f is the base model and t maps images to images in
 * [0, 1]. The component `input-transformation`, from x to t(x), declares the backward pass of the
 * options.
 */
export function transformInputs<Options extends TransformationOptions>(
  context: DefenseContext<Options>,
  transform: (input: TransformationInput) => Value,
): Promise<DefenseResult> {
  const { options } = context
  return withProtectedBase(context, options.base, ({ inputShape, bounds, classNames, apply }) => {
    const images = g.input('images', 'float32', ['n', ...inputShape])
    const random = g.input('random', 'float32', ['n', ...inputShape])
    const [low, high] = bounds
    const isUnit = low === 0 && high === 1
    const unit = isUnit ? images : g.div(g.sub(images, low), high - low)
    const changed = g.clip(transform({ images: unit, random }), 0, 1)
    const transformed = isUnit ? changed : g.add(g.mul(changed, high - low), low)
    const model = toStochasticOnnx(
      { logits: apply(transformed) },
      images,
      [{ value: random, distribution: { kind: 'uniform', low: 0, high: 1 } }],
      { transformed },
    )
    return {
      model,
      manifest: {
        bounds,
        layout: 'NCHW',
        ...(classNames && { classNames }),
        components: [
          {
            name: 'input-transformation',
            input: 'images',
            output: 'transformed',
            backward: options.backward,
          },
        ],
      },
    }
  })
}

/**
 * Images `[n, c, h, w]` with mirrored margins, the edge included: d c b a | a b c d | d c b a.
 * @param before rows above and columns to the left
 * @param after `[rows below, columns to the right]`
 */
export function mirrored(
  images: Value,
  before: number,
  after: readonly [rows: number, columns: number],
): Value {
  return [2, 3].reduce((x, axis, i) => {
    const size = Number(x.shape[axis])
    const places = Array.from({ length: before + size + after[i]! }, (_, at) => {
      const place = (((at - before) % (2 * size)) + 2 * size) % (2 * size)
      return place < size ? place : 2 * size - 1 - place
    })
    return places.length === size ? x : g.gather(x, g.integers(places), axis)
  }, images)
}
