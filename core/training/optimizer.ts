/** Optimizers as expressions of a parameter, its gradient, and the optimizer's state. */
import { g } from '../engine/graph/graph.ts'
import type { Value } from '../engine/graph/value.ts'

/** One update of one parameter. */
export interface OptimizerUpdate {
  readonly parameter: Value
  readonly gradient: Value
  /** State by the names of `Optimizer.slots`, each in the parameter's shape, initially 0. */
  readonly slots: Readonly<Record<string, Value>>
  /** The learning rate, a scalar. */
  readonly rate: Value
  /** The number of this update, from 1, a float32 scalar. */
  readonly count: Value
  /** Whether weight decay applies. */
  readonly decays: boolean
}

/** New values of a parameter and of its state. */
export interface OptimizerResult {
  readonly parameter: Value
  readonly slots: Readonly<Record<string, Value>>
}

/** An optimizer that descends. */
export interface Optimizer {
  readonly slots: readonly string[]
  update(step: OptimizerUpdate): OptimizerResult
}

/** Options of `sgd`. */
export interface SgdOptions {
  /** μ in [0, 1); default 0. */
  readonly momentum?: number
  /** λ; default 0. */
  readonly weightDecay?: number
  /** Default false. */
  readonly nesterov?: boolean
}

/**
 * Stochastic gradient descent as in PyTorch: v ← μv + (∇ + λw), then w ← w − rate·v, or
 * w ← w − rate·(∇ + λw + μv) with Nesterov momentum.
 */
export function sgd(options: SgdOptions = {}): Optimizer {
  const { momentum = 0, weightDecay = 0, nesterov = false } = options
  return {
    slots: momentum > 0 ? ['momentum'] : [],
    update({ parameter, gradient, slots, rate, decays }) {
      const slope =
        decays && weightDecay > 0 ? g.add(gradient, g.mul(parameter, weightDecay)) : gradient
      if (momentum === 0) return { parameter: g.sub(parameter, g.mul(slope, rate)), slots: {} }
      const speed = g.add(g.mul(slots['momentum']!, momentum), slope)
      const direction = nesterov ? g.add(slope, g.mul(speed, momentum)) : speed
      return {
        parameter: g.sub(parameter, g.mul(direction, rate)),
        slots: { momentum: speed },
      }
    },
  }
}

/** Options of `adam` and `adamW`. */
export interface AdamOptions {
  /** Decay rates of the two moments; default [0.9, 0.999]. */
  readonly betas?: readonly [first: number, second: number]
  /** Default 1e-8. */
  readonly epsilon?: number
  /** Default 0. */
  readonly weightDecay?: number
}

/** Adam (Kingma and Ba 2015, arXiv:1412.6980), with weight decay as a term of the gradient. */
export function adam(options: AdamOptions = {}): Optimizer {
  return moments(options, false)
}

/** Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101). */
export function adamW(options: AdamOptions = {}): Optimizer {
  return moments(options, true)
}

function moments(options: AdamOptions, decoupled: boolean): Optimizer {
  const { betas = [0.9, 0.999], epsilon = 1e-8, weightDecay = 0 } = options
  const [first, second] = betas
  const blend = (old: Value, now: Value, beta: number): Value =>
    g.add(g.mul(old, beta), g.mul(now, 1 - beta))
  // 1 − βᵗ
  const correction = (beta: number, count: Value): Value =>
    g.sub(1, g.exp(g.mul(count, Math.log(beta))))
  return {
    slots: ['first', 'second'],
    update({ parameter, gradient, slots, rate, count, decays }) {
      const decay = decays ? weightDecay : 0
      const slope = decay > 0 && !decoupled ? g.add(gradient, g.mul(parameter, decay)) : gradient
      const mean = blend(slots['first']!, slope, first)
      const square = blend(slots['second']!, g.mul(slope, slope), second)
      const deviation = g.sqrt(g.div(square, correction(second, count)))
      const direction = g.div(g.div(mean, correction(first, count)), g.add(deviation, epsilon))
      const base =
        decay > 0 && decoupled ? g.mul(parameter, g.sub(1, g.mul(rate, decay))) : parameter
      return {
        parameter: g.sub(base, g.mul(direction, rate)),
        slots: { first: mean, second: square },
      }
    },
  }
}
