/** Steps of attacks relative to the ball that they search. */
import { formatEpsilon, parseEpsilon } from '../../threat/epsilon.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import type { PluginOptions } from '../../plugin/contract.ts'

/** The radius that step sizes refer to: ε, or 1 in boxes, where steps are relative to the sides. */
export function ballRadius({ given, epsilon }: Pick<ThreatModel, 'given' | 'epsilon'>): number {
  return given === 'box' ? 1 : epsilon
}

/**
 * What is wrong with the steps of an attack, as the end of a sentence; undefined if nothing is.
 * @param options of an attack whose option `stepSize` is in the units of the inputs
 */
export function stepProblem(
  options: PluginOptions,
  threatModel: Pick<ThreatModel, 'norm' | 'given' | 'epsilon'>,
): string | undefined {
  const { stepSize, steps = 1 } = options
  const radius = ballRadius(threatModel)
  if (stepSize === undefined || typeof steps !== 'number') return undefined
  if (threatModel.norm === 'L0' || radius === 0) return undefined
  const size = parseEpsilon(stepSize, 'stepSize')
  const unit = threatModel.given === 'box' ? 'half a side of the box' : formatEpsilon(radius)
  if (size > 2 * radius * (1 + 1e-9)) {
    return `takes steps of ${formatEpsilon(size)}, longer than the diameter of the ball (ε is ${unit})`
  }
  if (size * steps >= radius * (1 - 1e-6)) return undefined
  const count = steps === 1 ? 'one step' : `${steps} steps`
  return `takes ${count} of ${formatEpsilon(size)}, too short to reach the boundary (ε is ${unit})`
}
