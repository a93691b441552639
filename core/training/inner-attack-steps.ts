/** All steps of an inner attack in one graph, so that a device takes them without the host. */
import { g } from '../engine/graph/graph.ts'
import { gradient } from '../engine/graph/gradient.ts'
import { foldBatchNormalization, substitute } from '../engine/graph/rewrite.ts'
import type { Value } from '../engine/graph/value.ts'
import { inferenceLoss, type InnerAttack } from './inner-attack.ts'
import { ModuleScope } from './module.ts'
import type { ParameterStore } from './scope.ts'

/** Placeholders of an inner attack's inputs. */
export interface InnerAttackPlaceholders {
  /** Clean images `[n, c, h, w]`. */
  readonly clean: Value
  /** `[n]` int64. */
  readonly labels: Value
  /** Factor of radii and step sizes, a scalar. */
  readonly scale: Value
  /** The variables at the start, by name. */
  readonly starts: Readonly<Record<string, Value>>
  readonly extra: Readonly<Record<string, Value>>
}

/** The end of an inner attack as expressions of its inputs and of parameters. */
export interface InnerAttackEnd {
  /** Perturbed images `[n, c, h, w]`. */
  readonly images: Value
  readonly variables: Readonly<Record<string, Value>>
}

/** Whether all variables of an attack have steps as expressions. */
export function stepsInGraph({ variables }: Pick<InnerAttack, 'variables'>): boolean {
  return Object.values(variables).every(({ express }) => express !== undefined)
}

/**
 * Takes all steps of an attack whose variables have steps as expressions. Modules are applied at
 * inference to the parameters' placeholders.
 */
export function expressInnerAttack(
  attack: InnerAttack,
  store: ParameterStore,
  inputs: InnerAttackPlaceholders,
): InnerAttackEnd {
  const { clean, labels, scale, starts, extra } = inputs
  const names = Object.keys(attack.variables)
  const state = names.flatMap((name) =>
    ['value', 'memory'].map((part) => g.input(`${part}/${name}`, 'float32', starts[name]!.shape)),
  )
  const valueOf = (i: number): Value => state[2 * i]!
  const variables = Object.fromEntries(names.map((name, i) => [name, valueOf(i)]))
  const reference = attack.reference?.(new ModuleScope(store), clean)
  const perturbed = attack.perturb?.(variables, clean)
  const images = perturbed ?? variables['images']!
  const loss = attack.loss(new ModuleScope(store), { images, labels, reference, extra })
  const gradients = gradient(inferenceLoss(loss), Object.values(variables))
  const next = names.flatMap((name, i) => {
    const value = valueOf(i)
    const memory = state[2 * i + 1]!
    const parts = { value, gradient: gradients[i]!, clean, scale, memory }
    // `stepsInGraph` was asked before.
    const step = attack.variables[name]!.express!(parts)
    return [step.value, step.memory]
  })
  const step = foldBatchNormalization(next)
  let current: readonly Value[] = names.flatMap((name) => [starts[name]!, g.mul(starts[name]!, 0)])
  for (let k = 0; k < attack.steps; k++) {
    current = substitute(step, new Map(state.map((value, i) => [value, current[i]!])))
  }
  const ends = new Map(state.map((value, i) => [value, current[i]!]))
  return {
    images: substitute([images], ends)[0]!,
    variables: Object.fromEntries(names.map((name, i) => [name, current[2 * i]!])),
  }
}
