/** Trigonometric and hyperbolic functions, and their inverses. */
import { unary } from './elementwise.ts'
import type { OpRecord, Sample } from '../operator.ts'
import type { Builder } from '../builder.ts'
import type { Value } from '../value.ts'

const between = (low: number, high: number): readonly Sample[] => [
  { inputs: [{ shape: [2, 3], low, high }] },
]
const inside = between(-0.6, 0.6)

export const Sin = unary('Sin', (g, x, _y, dy) => g.mul(dy, g.op('Cos', [x])[0]!))
export const Cos = unary('Cos', (g, x, _y, dy) => g.neg(g.mul(dy, g.op('Sin', [x])[0]!)))
/** d tan x = (1 + tan² x) dx. */
export const Tan = unary('Tan', (g, _x, y, dy) => g.mul(dy, g.add(g.mul(y, y), 1)))
/** d arcsin x = dx/√(1 − x²). */
export const Asin = inverse('Asin', inside, (g, square) => g.sqrt(g.sub(1, square)))
/** d arccos x = −dx/√(1 − x²). */
export const Acos = inverse('Acos', inside, (g, square) => g.neg(g.sqrt(g.sub(1, square))))
/** d arctan x = dx/(1 + x²). */
export const Atan = inverse('Atan', between(-1, 1), (g, square) => g.add(square, 1))
export const Sinh = unary('Sinh', (g, x, _y, dy) => g.mul(dy, g.op('Cosh', [x])[0]!))
export const Cosh = unary('Cosh', (g, x, _y, dy) => g.mul(dy, g.op('Sinh', [x])[0]!))
/** d arsinh x = dx/√(x² + 1). */
export const Asinh = inverse('Asinh', between(-1, 1), (g, square) => g.sqrt(g.add(square, 1)))
/** d arcosh x = dx/√(x² − 1). */
export const Acosh = inverse('Acosh', between(1.5, 3), (g, square) => g.sqrt(g.sub(square, 1)))
/** d artanh x = dx/(1 − x²). */
export const Atanh = inverse('Atanh', inside, (g, square) => g.sub(1, square))

/** A function whose derivative is 1 over an expression of x². */
function inverse(
  op: string,
  samples: readonly Sample[],
  below: (g: Builder, square: Value) => Value,
): OpRecord {
  return unary(op, (g, x, _y, dy) => g.div(dy, below(g, g.mul(x, x))), samples)
}
