/** Options of the inner attack of adversarial training. */
import { ConfigError, epsilonSchema, parseEpsilon, optionLimits } from '../../../core/api/plugin.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'
import type { DefenseContext, ThreatModel } from '../../../core/api/plugin.ts'
import type {
  InnerAttack,
  InnerAttackResult,
  InnerAttackRun,
  TrainingBatch,
} from '../../../core/api/training.ts'

/** JSON Schema properties, for an attack of that many steps by default. */
export const adversarialProperties = {
  steps: {
    type: 'integer',
    minimum: 1,
    maximum: optionLimits.steps,
    default: 7,
    description: 'steps of the inner attack',
  },
  stepSize: {
    ...epsilonSchema,
    description:
      'step of the inner attack, a positive number or a fraction such as "2/255"; default: ' +
      'epsilon / 4',
  },
  epsilon: {
    ...epsilonSchema,
    description:
      'radius of the inner attack, a positive number or a fraction such as "8/255"; default: ' +
      'that of the threat model',
  },
  ramp: {
    type: 'number',
    minimum: 0,
    maximum: 1,
    default: 0,
    description: 'fraction of training, from 0 to 1, over which the radius grows from 0',
  },
  weightPerturbation: {
    type: 'number',
    minimum: 0,
    maximum: optionLimits.factor,
    default: 0,
    description:
      'adversarial weight perturbation (AWP): size relative to each kernel, such as 0.005; 0: off',
  },
  perturbFrom: {
    type: 'number',
    minimum: 0,
    maximum: 1,
    default: 0,
    description: 'fraction of training, from 0 to 1, before weights are perturbed',
  },
} as const

/** The options of `adversarialProperties` after validation. */
export interface AdversarialOptions {
  readonly steps: number
  readonly stepSize?: string | number
  readonly epsilon?: string | number
  readonly ramp: number
  readonly weightPerturbation: number
  readonly perturbFrom: number
}

type BudgetOptions = Pick<AdversarialOptions, 'steps' | 'stepSize' | 'epsilon'> & {
  readonly ramp?: number
}

/** The inner attack's radius and steps. */
export interface AdversarialBudget {
  /** In Linf or L2. */
  readonly threatModel: ThreatModel
  readonly steps: number
  readonly stepSize: number
  readonly ramp: number
}

/**
 * Fills in the defaults that depend on the threat model.
 * @param stepShare the default step as a share of ε
 * @throws ConfigError ROBENCH_CONFIG for a threat model in another norm than Linf and L2
 */
export function adversarialBudget(
  { options, threatModel }: Pick<DefenseContext<BudgetOptions>, 'options' | 'threatModel'>,
  defense: string,
  stepShare = 1 / 4,
): AdversarialBudget {
  const { epsilon, stepSize, steps, ramp = 0 } = options
  if (threatModel.norm !== 'Linf' && threatModel.norm !== 'L2') {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${defense}: expected a threat model in Linf or L2, got ${threatModel.norm}; ` +
        'remove it from this suite',
    )
  }
  const radius = epsilon === undefined ? threatModel.epsilon : parseEpsilon(epsilon, 'epsilon')
  return {
    threatModel: { ...threatModel, epsilon: radius },
    steps,
    stepSize: stepSize === undefined ? radius * stepShare : parseEpsilon(stepSize, 'stepSize'),
    ramp,
  }
}

/** The factor of the radius at `progress` in [0, 1): rises from 0 to 1 over `ramp`. */
function rampFactor({ ramp }: AdversarialBudget, progress: number): number {
  return progress < ramp ? progress / ramp : 1
}

/** The radius of a batch's progress, and the random start. @param stream its name */
export function attackSettings(
  batch: TrainingBatch,
  budget: AdversarialBudget,
  stream = 'start',
): Pick<InnerAttackRun, 'random' | 'scale'> {
  return { random: batch.random(stream), scale: rampFactor(budget, batch.progress) }
}

/** Attacks images of a batch at the radius of its progress. @param stream names the random start */
export function attackBatch(
  batch: TrainingBatch,
  attack: InnerAttack,
  images: FloatTensor,
  budget: AdversarialBudget,
  stream = 'start',
): Promise<InnerAttackResult> {
  return batch.attack(attack, {
    images,
    labels: batch.labels,
    ...attackSettings(batch, budget, stream),
  })
}

/** The perturbation of a step that minimizes the loss; nothing if it is off. */
export function awpOf({ weightPerturbation, perturbFrom }: AdversarialOptions): {
  readonly weightPerturbation?: { readonly gamma: number; readonly from: number }
} {
  if (weightPerturbation === 0) return {}
  return { weightPerturbation: { gamma: weightPerturbation, from: perturbFrom } }
}
