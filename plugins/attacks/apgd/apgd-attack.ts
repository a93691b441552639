/** Builds the APGD plugins, which differ only in their loss. */
import { towardTargets } from '../../../core/api/plugin.ts'
import type { AttackLossName, TargetedAttackLossName } from '../../../core/api/attack.ts'
import type { AttackPlugin } from '../../../core/api/plugin.ts'
import { papers } from '../../papers.ts'
import { autoProjectedGradient, autoProjectedGradientCost } from './auto-projected-gradient.ts'

/** The properties shared by the metadata of these plugins. */
export const apgdAttackMeta = {
  apiVersion: 1,
  version: 2,
  source: papers.croce2020,
  provenance: 'paper+code',
  norms: ['Linf', 'L2', 'L1'],
  knowledge: 'white-box',
  goals: ['untargeted', 'targeted'],
  stochastic: true,
} as const

/** The options of these plugins; `targets` with a targeted loss only. */
export interface ApgdAttackOptions {
  readonly steps: number
  readonly restarts: number
  readonly samples: number
  readonly targets?: number
}

/**
 * `run` and `cost` of a plugin, for `defineAttack`. A targeted loss takes a pass to rank targets.
 */
export function apgdAttack<Options extends ApgdAttackOptions>(
  loss: AttackLossName | TargetedAttackLossName,
): Pick<AttackPlugin<Options>, 'run' | 'cost'> {
  return {
    run(context) {
      const options = { ...context.options, loss }
      return towardTargets(
        context,
        async (task) => (await autoProjectedGradient(task, options)).adversarial,
      )
    },
    cost(options, classes, norm = 'Linf') {
      const { forward, backward } = autoProjectedGradientCost({ ...options, loss }, classes, norm)
      const ranking = options.targets === undefined ? 0 : 1
      return { forward: forward + ranking, backward }
    },
  }
}
