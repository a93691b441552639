/** The activations of recurrent layers. */
import { numbersOf, shapeError, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Value } from '../value.ts'

/** A function of each element. */
export type Activation = (x: Value) => Value

/** An activation, with the numbers that onnxruntime takes where a file gives none. */
interface Rule {
  /** Undefined for an activation without the number. */
  readonly alpha?: number
  readonly beta?: number
  readonly apply: (g: Builder, x: Value, alpha: number, beta: number) => Value
}

const rules: Readonly<Record<string, Rule>> = {
  affine: { alpha: 0, beta: 0, apply: (g, x, alpha, beta) => g.add(g.mul(x, alpha), beta) },
  elu: { alpha: 1, apply: (g, x, alpha) => g.op('Elu', [x], { alpha })[0]! },
  hardsigmoid: {
    alpha: 0.2,
    beta: 0.5,
    apply: (g, x, alpha, beta) => g.op('HardSigmoid', [x], { alpha, beta })[0]!,
  },
  leakyrelu: { alpha: 0.01, apply: (g, x, alpha) => g.op('LeakyRelu', [x], { alpha })[0]! },
  relu: { apply: (g, x) => g.relu(x) },
  scaledtanh: {
    alpha: 0,
    beta: 0,
    apply: (g, x, alpha, beta) => g.mul(g.tanh(g.mul(x, beta)), alpha),
  },
  sigmoid: { apply: (g, x) => g.sigmoid(x) },
  softplus: { apply: (g, x) => g.op('Softplus', [x])[0]! },
  softsign: { apply: (g, x) => g.op('Softsign', [x])[0]! },
  tanh: { apply: (g, x) => g.tanh(x) },
  thresholdedrelu: {
    alpha: 1,
    apply: (g, x, alpha) => g.op('ThresholdedRelu', [x], { alpha })[0]!,
  },
}

/**
 * The activations of all directions, one after the other. Each that takes a number gets the next of
 * `activation_alpha` or `activation_beta`.
 * @param defaults the activations of a direction where the node names none
 */
export function activationsOf(
  g: Builder,
  call: Call,
  defaults: readonly string[],
  directions: number,
): readonly Activation[] {
  const named = call.attributes['activations']
  const names =
    typeof named === 'string' && named !== ''
      ? named.split(' ')
      : Array.from({ length: directions }, () => defaults).flat()
  if (names.length !== directions * defaults.length) {
    throw shapeError(call, `expected ${directions * defaults.length} activations`)
  }
  const alphas = numbersOf(call, 'activation_alpha')?.values()
  const betas = numbersOf(call, 'activation_beta')?.values()
  return names.map((name) => {
    const rule = rules[name.toLowerCase()]
    if (!rule) throw shapeError(call, `the activation "${name}" does not exist in ONNX`)
    const take = (list: typeof alphas, fallback: number | undefined): number =>
      fallback === undefined ? 0 : (list?.next().value ?? fallback)
    const [alpha, beta] = [take(alphas, rule.alpha), take(betas, rule.beta)]
    return (x) => rule.apply(g, x, alpha, beta)
  })
}
