/** Dual adversarial training with the adversarial amplitude generator. */
import { defineDefense } from '../../../core/api/plugin.ts'
import { papers } from '../../papers.ts'
import { adversarialBudget } from '../training/adversarial-options.ts'
import { trainRecipe } from '../training/train-recipe.ts'
import { datOptionsSchema } from './options.ts'
import { datRecipe } from './recipe.ts'

/**
 * Trains on images, on images whose amplitude spectrum is mixed with that of a generator, and on
 * adversarial examples of both. The generator maximizes the loss that the classifier minimizes.
 * Recombined images have their own batch normalization, which the exported model leaves out.
 * @see Li et al. 2024, algorithm 1 and equations 2 to 7
 */
export const dat = defineDefense({
  meta: {
    id: 'dat',
    apiVersion: 1,
    version: 1,
    title: 'Dual adversarial training (DAT)',
    source: papers.li2024,
    provenance: 'paper+code',
    trains: true,
    optionsSchema: datOptionsSchema,
    optionRoles: { network: 'network' },
  },
  prepare(context) {
    const budget = adversarialBudget(context, 'dat')
    return trainRecipe(context, 'dat@1', (parts) => ({
      recipe: datRecipe(parts, context.options, budget),
      threatModel: budget.threatModel,
      facts: { adversary: budget },
    }))
  },
})
