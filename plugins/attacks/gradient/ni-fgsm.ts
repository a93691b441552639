/** NI-FGSM: momentum with Nesterov's look-ahead, optionally on scaled copies of the image. */
import { defineAttack } from '../../../core/api/plugin.ts'
import type { FromSchema, JSONSchema } from '../../../core/api/plugin.ts'
import {
  epsilonOverSteps,
  gradientAttack,
  gradientAttackMeta,
  transferableOptions,
} from './gradient-attack.ts'
import { lookAhead } from './look-ahead.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...transferableOptions,
    scaleCopies: {
      type: 'integer',
      minimum: 1,
      maximum: 16,
      default: 1,
      description:
        'm: each gradient is the mean over the image scaled by 1, 1/2, … 1/2^(m − 1); 5 gives ' +
        'SI-NI-FGSM, at m gradient passes per step',
    },
  },
} as const satisfies JSONSchema

/**
 * The Nesterov iterative fast gradient sign method, and with `scaleCopies` the scale-invariant
 * SI-NI-FGSM: mim with gradients taken where the momentum leads, for points that transfer to other
 * models. Against the attacked model itself, pgd is stronger; in `transfer`, set
 * `stopWhenFooled: false`. For differences from the paper, see `lookAhead`. Without momentum and
 * copies it is bim.
 * @see Lin et al. 2019, algorithm 1
 */
export const niFgsm = defineAttack({
  meta: {
    ...gradientAttackMeta,
    id: 'ni-fgsm',
    title: 'Nesterov iterative fast gradient sign method',
    source: papers.lin2019,
    optionsSchema,
  },
  ...gradientAttack<FromSchema<typeof optionsSchema>>({
    defaultStepSize: epsilonOverSteps,
    settings({ momentum, scaleCopies }, norm) {
      // Each gradient is taken at the iterate, which needs no extra passes.
      if (momentum === 0 && scaleCopies === 1) return {}
      return { gradientPoints: lookAhead({ norm, momentum, scaleCopies }) }
    },
  }),
})
