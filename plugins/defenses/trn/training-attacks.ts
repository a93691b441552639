/** The attacks on the base model that a restoration is trained on. */
import { crossEntropy } from '../../../core/api/graph.ts'
import type { Value } from '../../../core/api/graph.ts'
import { imageVariable } from '../../../core/api/training.ts'
import type { ImageVariableOptions, InnerAttack } from '../../../core/api/training.ts'
import type { AdversarialBudget } from '../training/adversarial-options.ts'

/** Names of the attacks; `none` leaves the batch clean. */
export const trainingAttackNames = ['none', 'fgsm', 'bim', 'pgd', 'mim', 'ffgsm'] as const
/** A name of `trainingAttackNames`. */
export type TrainingAttackName = (typeof trainingAttackNames)[number]

/** The budget of the attacks, and the momentum of `mim`. */
export interface TrainingAttackOptions extends AdversarialBudget {
  readonly momentum: number
}

/**
 * Attacks on the cross-entropy of the base model: FGSM (Goodfellow et al. 2014), BIM (Kurakin et
 * al. 2016), PGD (Madry et al. 2017), MIM (Dong et al. 2017), and FFGSM, which is FGSM with a step
 * of 1.25 ε from a uniform start (Wong et al. 2020).
 */
export function trainingAttacks(
  logitsOf: (images: Value) => Value,
  { threatModel, steps, stepSize, momentum }: TrainingAttackOptions,
): Readonly<Record<TrainingAttackName, InnerAttack | undefined>> {
  const { epsilon } = threatModel
  const attack = (
    name: string,
    count: number,
    variable: Omit<ImageVariableOptions, 'threatModel'>,
  ): InnerAttack => ({
    name,
    steps: count,
    variables: { images: imageVariable({ threatModel, ...variable }) },
    loss: (_m, { images, labels }) => crossEntropy(logitsOf(images), labels),
  })
  return {
    none: undefined,
    fgsm: attack('fgsm', 1, { start: 'clean', stepSize: epsilon }),
    bim: attack('bim', steps, { start: 'clean', stepSize }),
    pgd: attack('pgd', steps, { start: 'uniform', stepSize }),
    mim: attack('mim', steps, { start: 'clean', stepSize, momentum }),
    ffgsm: attack('ffgsm', 1, { start: 'uniform', stepSize: 1.25 * epsilon }),
  }
}
