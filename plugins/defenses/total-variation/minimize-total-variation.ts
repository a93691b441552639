/** Total-variation minimization as an expression. */
import { g } from '../../../core/api/graph.ts'
import type { Value } from '../../../core/api/graph.ts'

/** Step of the dual variable; at most 1/8 in the proof of convergence. */
const dualStep = 1 / 8
/** Keeps the derivative of lengths finite at zero. */
const guard = 1e-12

/** A dual variable: one vector per pixel, each part `[n, c, h, w]`. */
interface Field {
  readonly down: Value
  readonly right: Value
}

/**
 * z = x − λ·div p after that many steps of Chambolle's projection of p, which starts at 0:
 *
 *     q = ∇(div p − x/λ),  p ← (p + q/8) / (1 + |q|/8)
 *
 * z converges to the minimizer of ½‖z − x‖² + λ·Σ|∇z|, for each channel on its own, with forward
 * differences that are 0 at the last row and column.
 * @param images x, `[n, c, h, w]`
 * @param weight λ
 * @see Chambolle 2004, equation 9
 */
export function minimizeTotalVariation(
  images: Value,
  { weight, steps }: { readonly weight: number; readonly steps: number },
): Value {
  const scaled = g.div(images, weight)
  let field: Field | undefined
  for (let step = 0; step < steps; step++) {
    const slope = differences(field ? g.sub(divergence(field), scaled) : g.neg(scaled))
    const squares = g.add(g.mul(slope.down, slope.down), g.mul(slope.right, slope.right))
    const shrink = g.add(g.mul(g.sqrt(g.add(squares, guard)), dualStep), 1)
    const next = (old: Value | undefined, change: Value): Value => {
      const moved = g.mul(change, dualStep)
      return g.div(old ? g.add(old, moved) : moved, shrink)
    }
    field = { down: next(field?.down, slope.down), right: next(field?.right, slope.right) }
  }
  return field ? g.sub(images, g.mul(divergence(field), weight)) : images
}

/** ∇x: differences to the pixel below and to the right, 0 where there is none. */
function differences(x: Value): Field {
  const along = (axis: number): Value => {
    const size = Number(x.shape[axis])
    const rise = g.sub(g.slice(x, [1], [size], [axis]), g.slice(x, [0], [size - 1], [axis]))
    return g.pad(rise, padsOf(axis, 0, 1))
  }
  return { down: along(2), right: along(3) }
}

/** The negative adjoint of ∇, for fields that are 0 in the last row and column. */
function divergence({ down, right }: Field): Value {
  const along = (part: Value, axis: number): Value =>
    g.sub(part, g.slice(g.pad(part, padsOf(axis, 1, 0)), [0], [Number(part.shape[axis])], [axis]))
  return g.add(along(down, 2), along(right, 3))
}

/** Padding of one axis of four, as in ONNX. */
function padsOf(axis: number, before: number, after: number): number[] {
  return [0, 1, 2, 3]
    .map((k) => (k === axis ? before : 0))
    .concat([0, 1, 2, 3].map((k) => (k === axis ? after : 0)))
}
