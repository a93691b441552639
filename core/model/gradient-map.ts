/**
 * Gradient maps: a model's own estimate of how each pixel affects its output, without the true
 * label.
 */
import { gradient } from '../engine/graph/gradient.ts'
import { g } from '../engine/graph/graph.ts'
import { shapeError } from '../engine/graph/operator-call.ts'
import type { Value } from '../engine/graph/value.ts'
import { isLabel } from './losses.ts'

/** The differentiated quantity; see `estimateGradientMap`. */
export const gradientMapModes = ['pseudo', 'margin', 'uniform', 'all', 'topk'] as const
/** A mode of `gradientMapModes`. */
export type GradientMapMode = (typeof gradientMapModes)[number]

/** How to scale each map of each example; see `estimateGradientMap`. */
export const gradientMapScales = ['rms', 'linf', 'sign', 'frobPerChannel', 'none'] as const
/** A scale of `gradientMapScales`. */
export type GradientMapScale = (typeof gradientMapScales)[number]

/** Options of `estimateGradientMap`. */
export interface GradientMapOptions {
  /** `oracle`, the map of the true label, is not an estimate: it is an upper bound in training. */
  readonly mode: GradientMapMode | 'oracle'
  readonly normalize: GradientMapScale
  /** The number of maps for mode `topk`. Default: 3. */
  readonly count?: number
  /** The true labels `[n]` (int64), for mode `oracle` only. */
  readonly labels?: Value
}

/** Keeps scales above zero. */
const guard = 1e-12
/** Values are clipped to this multiple of the root mean square. */
const largest = 3

/**
 * Estimates ∂/∂x of a cross-entropy as an expression, so that it can be exported and
 * differentiated.
 *
 * With J = ∂z/∂x and p = softmax(z), the map of class k is g_k = ∇ₓ CE(z, k) = Jᵀ(p − e_k):
 * - `pseudo`: g_ŷ of the class ŷ with the largest logit. Shrinks like 1 − p_ŷ, but is computed
 *   without cancellation;
 * - `margin`: Jᵀ(e_s − e_ŷ) with s the second largest logit. Does not shrink. In a ReLU network
 *   constant almost everywhere;
 * - `uniform`: Jᵀ(p − 1/K), the mean of all g_k. (Their mean weighted by p is always zero.)
 * - `all`: g_0 … g_{K−1}, K times the channels;
 * - `topk`: g_k of the `count` most likely classes, in descending order;
 * - `oracle`: g_y of the true label.
 *
 * Scales: `rms` divides by the root mean square, clips to [−3, 3] and divides by 3; `linf` divides
 * by the largest absolute value; `sign` takes the sign; `frobPerChannel` divides each channel by
 * its Frobenius norm. Divisors are at least 1e-12 (1e-15 per channel), so smaller maps fade.
 *
 * The paper does not specify its estimator; modes and scales are ours.
 * @param logitsOf logits `[n, k]` of images `[n, c, h, w]`
 * @param x `[n, c, h, w]`
 * @returns `[n, maps · c, h, w]`. One backward pass per map.
 * @see Hong, Hong, Kong 2022, "An eye for an eye: defending against gradient-based attacks with
 *   gradients", arXiv:2202.01117
 */
export function estimateGradientMap(
  logitsOf: (images: Value) => Value,
  x: Value,
  options: GradientMapOptions,
): Value {
  const logits = logitsOf(x)
  const maps = upstreams(logits, options).map((upstream) => {
    const [map] = gradient(logits, [x], { upstream })
    return scales[options.normalize](map!)
  })
  return g.concat(maps, 1)
}

/** The upstream gradient `[n, k]` of each map. */
function upstreams(logits: Value, options: GradientMapOptions): Value[] {
  const { mode, count = 3, labels } = options
  const classes = logits.shape[1]
  if (typeof classes !== 'number' || classes < 2) {
    throw shapeError({ op: 'gradient map' }, 'expected logits [n, classes] of at least 2 classes')
  }
  switch (mode) {
    case 'pseudo':
      return rankMasks(logits, 1).map((mask) => awayFrom(mask, logits))
    case 'margin': {
      const [first, second] = rankMasks(logits, 2)
      return [g.sub(g.cast(second!, logits.dtype), g.cast(first!, logits.dtype))]
    }
    case 'uniform':
      return [g.sub(g.softmax(logits), 1 / classes)]
    case 'all':
      return Array.from({ length: classes }, (_, k) =>
        awayFrom(g.equal(classNumbers(classes), k), logits),
      )
    case 'topk':
      return rankMasks(logits, Math.min(count, classes)).map((mask) => awayFrom(mask, logits))
    case 'oracle':
      if (!labels) throw shapeError({ op: 'gradient map' }, 'mode oracle needs labels [n]')
      return [awayFrom(isLabel(logits, labels), logits)]
    default:
      return mode satisfies never
  }
}

// p − e_k. 1 − p_k is computed as the sum of the other probabilities, because it would round to 0
// for a confident model.
function awayFrom(mask: Value, logits: Value): Value {
  const others = g.where(mask, 0, g.softmax(logits))
  return g.where(mask, g.neg(g.reduceSum(others, [1], true)), others)
}

/**
 * Masks `[n, k]`: true at the largest logit, at the second largest, and so on. Ties are sorted by
 * class.
 */
function rankMasks(logits: Value, count: number): Value[] {
  const masks: Value[] = []
  let rest = logits
  while (masks.length < count) {
    const [at] = g.op('ArgMax', [rest], { axis: 1, keepdims: 1 })
    const mask = g.equal(at!, classNumbers(logits.shape[1] as number))
    masks.push(mask)
    rest = g.where(mask, -1e30, rest)
  }
  return masks
}

function classNumbers(classes: number): Value {
  return g.integers(Array.from({ length: classes }, (_, k) => k))
}

const scales: Readonly<Record<GradientMapScale, (map: Value) => Value>> = {
  none: (map) => map,
  sign: (map) => g.sign(map),
  linf: (map) => g.div(map, g.add(g.reduceMax(g.abs(map), [1, 2, 3], true), guard)),
  rms: (map) => {
    const rms = rootOf(g.reduceMean(g.mul(map, map), [1, 2, 3], true), guard)
    return g.div(g.clip(g.div(map, rms), -largest, largest), largest)
  },
  frobPerChannel: (map) => g.div(map, rootOf(g.reduceSum(g.mul(map, map), [2, 3], true), 1e-15)),
}

/** √(x + least²), differentiable at 0. */
function rootOf(squares: Value, least: number): Value {
  return g.sqrt(g.add(squares, least ** 2))
}
