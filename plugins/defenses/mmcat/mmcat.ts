/** Multi-modal collaborative adversarial training. */
import { crossEntropy, g } from '../../../core/api/graph.ts'
import type { Value } from '../../../core/api/graph.ts'
import { ConfigError, defineDefense, optionLimits } from '../../../core/api/plugin.ts'
import type { FromSchema } from '../../../core/api/plugin.ts'
import { batchMean, definePhase, imageVariable, klDivergence } from '../../../core/api/training.ts'
import type { InnerAttack, ModuleScope, StepLoss } from '../../../core/api/training.ts'
import { papers } from '../../papers.ts'
import {
  adversarialBudget,
  adversarialProperties,
  attackBatch,
  awpOf,
} from '../training/adversarial-options.ts'
import { trainRecipe } from '../training/train-recipe.ts'
import type { Classifier, DefenseRecipe, RecipeParts } from '../training/train-recipe.ts'
import type { AdversarialBudget } from '../training/adversarial-options.ts'
import { trainingProperties } from '../training/training-options.ts'
import { fuseLogits } from './fusion.ts'
import { highPass, modality, modalityNames, type ModalityName } from './modalities.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...trainingProperties,
    ...adversarialProperties,
    steps: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.steps,
      default: 10,
      description: 'steps of the inner attack',
    },
    modalities: {
      type: 'array',
      items: { enum: modalityNames },
      minItems: 1,
      uniqueItems: true,
      default: ['rgb', 'high', 'edge'],
      description:
        'views of the image, one network each; rgb: the image; high and low: above and below ' +
        '`radius`; edge: Sobel magnitude; gray: luminance; one of them is the ablation "M = 1"',
    },
    radius: {
      type: 'number',
      minimum: 0,
      maximum: optionLimits.pixels,
      default: 8,
      description: 'r of the high-pass and low-pass filters, in bins from frequency 0',
    },
    kappa: {
      type: 'number',
      minimum: 0,
      maximum: optionLimits.factor,
      default: 1,
      description:
        'κ: high frequencies added to adversarial examples, clip(x′ + κ·HPF(x′)); 0 is the ' +
        'ablation without enhancement',
    },
    beta: {
      type: 'number',
      minimum: 0,
      maximum: optionLimits.factor,
      default: 6,
      description: 'β: weight of the KL divergence between clean and adversarial predictions',
    },
    gamma: {
      type: 'number',
      minimum: 0,
      maximum: optionLimits.factor,
      default: 1,
      description: 'γ: weight of the collaboration loss; 0 is the ablation without collaboration',
    },
    temperature: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: optionLimits.factor,
      default: 1,
      description: 'τ: temperature of the collaboration loss',
    },
  },
} as const

type MmcatOptions = FromSchema<typeof optionsSchema>

/**
 * One network for each modality of the image, trained together on adversarial examples of the fused
 * output whose high frequencies are enhanced. Networks learn from each other's predictions. The
 * model computes all modalities inside and returns the logarithm of the mean probability.
 *
 * Only the abstract of the paper was available: modalities, losses and fusion are our reading.
 */
export const mmcat = defineDefense({
  meta: {
    id: 'mmcat',
    apiVersion: 1,
    version: 1,
    title: 'Multi-modal collaborative adversarial training (MMCAT)',
    source: papers.mmcat2023,
    provenance: 'abstract-only',
    trains: true,
    optionsSchema,
    optionRoles: { network: 'network' },
  },
  prepare(context) {
    const budget = adversarialBudget(context, 'mmcat')
    return trainRecipe(context, 'mmcat@1', (parts) => mmcatRecipe(parts, context.options, budget))
  },
})

/** A modality with its classifier. */
interface Branch {
  readonly classifier: Classifier
  view(images: Value): Value
}

function mmcatRecipe(
  parts: RecipeParts,
  options: MmcatOptions,
  budget: AdversarialBudget,
): DefenseRecipe {
  const { data, group, augmented } = parts
  const [low, high] = data.bounds
  if (low !== 0 || high !== 1) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `mmcat: expected images in [0, 1], got [${low}, ${high}]`,
    )
  }
  const branches = branchesOf(parts, options)
  const fused = (m: ModuleScope, images: Value): Value =>
    fuseLogits(branches.map(({ classifier, view }) => m.apply(classifier, [view(images)])))
  const attack: InnerAttack = {
    name: 'inner attack',
    steps: budget.steps,
    variables: { images: imageVariable(budget) },
    loss: (m, { images, labels }) => crossEntropy(fused(m, images), labels),
  }
  const weights = group(
    'weights',
    branches.map(({ classifier }) => classifier),
  )
  const phase = definePhase({
    name: 'training step',
    inputs: { images: { shape: data.shape }, adversarial: { shape: data.shape } },
    async prepare(batch) {
      const images = augmented(batch)
      const attacked = await attackBatch(batch, attack, images, budget)
      return { images, adversarial: attacked.images }
    },
    steps: [
      {
        updates: [weights],
        ...awpOf(options),
        loss: (m, inputs) => collaborativeLoss(m, branches, options, inputs),
      },
    ],
  })
  return {
    recipe: { phases: [phase], model: fused },
    threatModel: budget.threatModel,
    facts: { adversary: budget },
  }
}

function branchesOf(
  { data, classifier, classifierNamed }: RecipeParts,
  { modalities, radius }: MmcatOptions,
): Branch[] {
  const channels = data.shape[0]
  return modalities.map((name: ModalityName) => {
    const count = name === 'edge' || name === 'gray' ? 1 : channels
    const plain = { mean: Array<number>(count).fill(0.5), std: Array<number>(count).fill(0.25) }
    return {
      classifier: name === 'rgb' ? classifier : classifierNamed(name, plain),
      view: (images) => modality(name, images, radius),
    }
  })
}

/**
 * (1/M) Σᵢ [CE(fᵢ(vᵢ), y) + β·KL(pᵢ(cᵢ)‖pᵢ(vᵢ))] + γ·1/(M(M − 1)) Σ_{i≠j} τ²·KL(p_j^τ‖p_i^τ) with
 * the teacher p_j held constant; vᵢ and cᵢ are modalities of the enhanced adversarial and of the
 * clean image.
 */
function collaborativeLoss(
  m: ModuleScope,
  branches: readonly Branch[],
  { kappa, radius, beta, gamma, temperature }: MmcatOptions,
  { images, adversarial, labels }: Readonly<Record<'images' | 'adversarial' | 'labels', Value>>,
): StepLoss {
  const enhanced =
    kappa === 0
      ? adversarial
      : g.clip(g.add(adversarial, g.mul(highPass(adversarial, radius), kappa)), 0, 1)
  const logits = branches.map(({ classifier, view }) =>
    m.apply(classifier, [view(enhanced)], { training: true }),
  )
  const own = branches.map(({ classifier, view }, i) => {
    const clean = m.apply(classifier, [view(images)], { training: true })
    return g.add(crossEntropy(logits[i]!, labels), g.mul(klDivergence(clean, logits[i]!), beta))
  })
  const count = branches.length
  const mean = batchMean(g.div(sumOf(own), count))
  const report = { logits: fuseLogits(logits) }
  if (count === 1 || gamma === 0) return { ...report, loss: mean }
  const softened = logits.map((branch) => g.div(branch, temperature))
  // A node of its own, so that no gradient reaches the teacher through it.
  const teachers = softened.map((branch) => g.mul(branch, 1))
  const pairs = softened.flatMap((student, i) =>
    teachers.flatMap((teacher, j) => (i === j ? [] : [klDivergence(teacher, student)])),
  )
  const factor = temperature ** 2 / (count * (count - 1))
  const collaboration = batchMean(g.mul(sumOf(pairs), factor))
  return {
    ...report,
    loss: g.add(mean, g.mul(collaboration, gamma)),
    detached: teachers,
    metrics: { collaboration },
  }
}

function sumOf(values: readonly Value[]): Value {
  return values.reduce((sum, value) => g.add(sum, value))
}
