/** Transfer: points made on other models, tried on this one. */
import {
  ConfigError,
  defineAttack,
  innerAttack,
  wrappedAttackSchema,
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
        'the attack to run on each surrogate; one that goes on after the surrogate is fooled transfers better',
    },
    surrogates: {
      type: 'array',
      items: { type: 'string' },
      uniqueItems: true,
      default: [],
      description: 'names of the models to attack in place of this one; all others if empty',
    },
  },
} as const satisfies JSONSchema

/**
 * Attacks other models of the suite white-box, and replays what comes out on the target, of which it sees logits alone: the first point that
 * fools it is the answer, or else the one with its largest margin. Robust against this and broken by white-box attacks is as it should be;
 * the reverse is a sign of masked gradients.
 *
 * An example that a surrogate misclassifies as it is counts there as fooled from the start. Most attacks then hand the image back as it is; with
 * `stopWhenFooled: false` the default one goes on. `cost` is of the target only: the passes of the surrogates are counted on their own.
 * @see Papernot, McDaniel, Goodfellow 2016, "Transferability in machine learning: from phenomena to black-box attacks using adversarial samples", arXiv:1605.07277
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
        'transfer: expected at least one surrogate, got none; run it from a suite with several models',
      )
    }
    const found = await transferFromSurrogates(context, surrogates, (task) => inner.run(task))
    return found.adversarial
  },
  /** Of the target: a pass for each surrogate. One if they are not named, as only the suite knows how many there are. */
  cost: ({ surrogates }) => ({ forward: Math.max(1, surrogates.length), backward: 0 }),
})
