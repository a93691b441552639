/** Transfer: attacks other models and evaluates the resulting points on the target. */
import {
  ConfigError,
  defineAttack,
  innerAttack,
  wrappedAttackSchema,
  optionLimits,
} from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { transferFromSurrogates } from './transfer-search.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    attack: {
      ...wrappedAttackSchema,
      default: { id: 'di-fgsm', options: { stopWhenFooled: false } },
      description:
        'attack to run on each surrogate; an attack that continues after it fools the surrogate ' +
        'transfers better',
    },
    surrogates: {
      type: 'array',
      items: { type: 'string', maxLength: optionLimits.name },
      maxItems: 5000,
      uniqueItems: true,
      default: [],
      description: 'names of the models to attack instead of the target; all other models if empty',
    },
  },
} as const satisfies JSONSchema

/**
 * Runs white-box attacks on other models of the suite and evaluates the points on the target with
 * logits only. The result is the first point that fools the target, or else the one with the
 * largest margin. Examples broken by this attack but not by white-box attacks indicate masked
 * gradients.
 *
 * If a surrogate misclassifies an example without attack, most attacks return the example
 * unchanged; the default attack continues because of `stopWhenFooled: false`. `cost` covers the
 * target only; the passes of the surrogates are counted separately.
 * @see Papernot et al. 2016
 */
export const transfer = defineAttack({
  meta: {
    id: 'transfer',
    apiVersion: 1,
    version: 1,
    title: 'Transfer from other models',
    source: papers.papernot2016,
    provenance: 'own',
    norms: ['Linf', 'L2', 'L1'],
    knowledge: 'black-box',
    goals: ['untargeted'],
    stochastic: true,
    optionsSchema,
    optionRoles: { attack: 'attack', surrogates: 'models' },
  },
  async run(context) {
    const inner = innerAttack(context)
    const { surrogates = [] } = context
    if (surrogates.length === 0) {
      throw new ConfigError(
        'ROBENCH_CONFIG',
        'transfer: expected at least one surrogate, got none; use it in a suite with several ' +
          'models',
      )
    }
    const found = await transferFromSurrogates(context, surrogates, (task) => inner.run(task))
    return found.adversarial
  },
  /**
   * One pass of the target per surrogate. Without names it is one pass, since only the suite
   * determines how many surrogates there are.
   */
  cost: ({ surrogates }) => ({ forward: Math.max(1, surrogates.length), backward: 0 }),
})
