/** Adversarial training with an objective: what pgd-at, fgsm-at, trades and mart share. */
import { crossEntropy } from '../../../core/api/graph.ts'
import type { Value } from '../../../core/api/graph.ts'
import type { DefenseContext, DefenseResult } from '../../../core/api/plugin.ts'
import { batchMean, definePhase, imageVariable, klDivergence } from '../../../core/api/training.ts'
import type { AttackStart, InnerAttack, Phase } from '../../../core/api/training.ts'
import { attackSettings, awpOf } from './adversarial-options.ts'
import type { AdversarialBudget, AdversarialOptions } from './adversarial-options.ts'
import { trainRecipe } from './train-recipe.ts'
import type { Classifier, RecipeParts, TrainedOptions } from './train-recipe.ts'

/** What is minimized, per example `[n]`. */
export type AdversarialObjective =
  /** A loss of the adversarial examples alone. */
  | { readonly of: 'adversarial'; loss(adversarial: Value, labels: Value): Value }
  /** A loss of clean and adversarial logits; gradients pass through both. */
  | { readonly of: 'pair'; loss(clean: Value, adversarial: Value, labels: Value): Value }

/** A method of adversarial training. */
export interface AdversarialMethod {
  /** Id and version of the defense. */
  readonly identity: string
  readonly budget: AdversarialBudget
  readonly start: AttackStart
  /**
   * What the inner attack increases: cross-entropy, or KL(f(x)‖f(x′)) of the logits before and
   * after the perturbation.
   */
  readonly maximizes: 'cross-entropy' | 'divergence'
  readonly objective: AdversarialObjective
}

/** Options of a defense that trains adversarially. */
export type AdversarialTrainingOptions = TrainedOptions & AdversarialOptions

/**
 * Trains on examples of the inner attack, recomputed at each step. The inner attack uses the
 * running statistics of batch normalization, as in the code of TRADES.
 */
export function trainAdversarially<Options extends AdversarialTrainingOptions>(
  context: DefenseContext<Options>,
  method: AdversarialMethod,
): Promise<DefenseResult> {
  const { identity, budget } = method
  return trainRecipe(context, identity, (parts) => ({
    recipe: {
      phases: [adversarialPhase(method, parts, context.options)],
      model: (m, images) => m.apply(parts.classifier, [images]),
    },
    threatModel: budget.threatModel,
    facts: { adversary: budget },
  }))
}

/** The phase of `trainAdversarially`. */
export function adversarialPhase(
  method: AdversarialMethod,
  { data, classifier, group, augmented }: Omit<RecipeParts, 'classes' | 'classifierNamed'>,
  options: AdversarialOptions,
): Phase {
  const { budget, objective } = method
  const attack = innerAttackOf(method, classifier)
  return definePhase<string>({
    name: 'training step',
    inputs: {
      ...(objective.of === 'pair' && { clean: { shape: data.shape } }),
      adversarial: { shape: data.shape },
    },
    prepare(batch) {
      const images = augmented(batch)
      return { adversarial: images, ...(objective.of === 'pair' && { clean: images }) }
    },
    attack: {
      definition: attack,
      input: 'adversarial',
      settings: (batch) => attackSettings(batch, budget),
    },
    steps: [
      {
        updates: [group('weights', [classifier])],
        ...awpOf(options),
        loss(m, inputs) {
          const logitsOf = (name: string): Value =>
            m.apply(classifier, [inputs[name]!], { training: true })
          const labels = inputs['labels']!
          if (objective.of === 'adversarial') {
            const logits = logitsOf('adversarial')
            return { loss: batchMean(objective.loss(logits, labels)), logits }
          }
          const clean = logitsOf('clean')
          const logits = logitsOf('adversarial')
          return { loss: batchMean(objective.loss(clean, logits, labels)), logits }
        },
      },
    ],
  })
}

function innerAttackOf(
  { budget, start, maximizes }: AdversarialMethod,
  classifier: Classifier,
): InnerAttack {
  const shared = {
    name: 'inner attack',
    steps: budget.steps,
    variables: { images: imageVariable({ ...budget, start }) },
  }
  if (maximizes === 'cross-entropy') {
    return {
      ...shared,
      loss: (m, { images, labels }) => crossEntropy(m.apply(classifier, [images]), labels),
    }
  }
  return {
    ...shared,
    reference: (m, clean) => m.apply(classifier, [clean]),
    loss: (m, { images, reference }) => klDivergence(reference!, m.apply(classifier, [images])),
  }
}
