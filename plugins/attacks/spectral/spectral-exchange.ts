/** Spectral exchange: which part of an attack's spectrum fools the model. */
import { float32 } from '../../../core/api/graph.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'
import {
  ConfigError,
  defineAttack,
  innerAttack,
  wrappedAttackSchema,
} from '../../../core/api/plugin.ts'
import type { AttackContext, FromSchema, JSONSchema } from '../../../core/api/plugin.ts'
import { clipToBounds, exchangeAmplitudes } from '../../../core/api/transforms.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['part'],
  properties: {
    part: {
      enum: ['amplitude', 'phase'],
      description:
        'part taken from the adversarial example; amplitude: x′_amp = F⁻¹(A(x′), P(x)); phase: ' +
        'x′_pha = F⁻¹(A(x), P(x′))',
    },
    attack: {
      ...wrappedAttackSchema,
      default: {
        id: 'di-fgsm',
        options: {
          momentum: 0,
          probability: 0,
          steps: 20,
          randomStart: true,
          stopWhenFooled: false,
        },
      },
      description:
        'attack that finds x′; default: di-fgsm without momentum and resizing, which is PGD with ' +
        '20 steps that does not stop at the first misclassified point',
    },
  },
} as const satisfies JSONSchema

type Options = FromSchema<typeof optionsSchema>

/**
 * Attacks each image within the ball of the threat model, and returns the image with the amplitude
 * or the phase of the adversarial example. The result is clipped to the bounds and may be outside
 * the ball, so it is a diagnostic of models and no measure of robustness. In the paper, the phase
 * hurts standard models more, and the amplitude robust ones. `cost` is an upper bound: an example
 * that the wrapped attack breaks may survive the exchange.
 * @see Li et al. 2024, section 2
 */
export const spectralExchange = defineAttack({
  meta: {
    id: 'spectral-exchange',
    apiVersion: 1,
    version: 1,
    title: 'Amplitude or phase of adversarial examples',
    source: papers.li2024,
    provenance: 'paper',
    norms: ['Linf', 'L2'],
    knowledge: 'white-box',
    restricted: true,
    goals: ['untargeted'],
    stochastic: true,
    transforms: ['exchange'],
    optionsSchema,
    optionRoles: { attack: 'attack' },
  },
  async run(context: AttackContext<Options>) {
    const { inputs, options, threatModel } = context
    const { norm, epsilon, bounds } = threatModel
    if (epsilon === 0) {
      throw new ConfigError(
        'ROBENCH_CONFIG',
        'spectral-exchange: expected a threat model with an epsilon above 0, got 0; the attack ' +
          'that finds adversarial examples needs a ball',
      )
    }
    const found = await innerAttack(context).run({
      ...context,
      threatModel: { norm, epsilon, bounds },
    })
    // Amplitudes are those of x − low, in any bounds.
    const [low] = bounds
    const shifted = ({ data, shape }: FloatTensor, by: number): FloatTensor =>
      by === 0
        ? { dtype: 'float32', data, shape }
        : float32(
            shape,
            data.map((value) => value + by),
          )
    const exchanged = exchangeAmplitudes(shifted(inputs, -low), shifted(found, -low))
    const { data } = shifted(
      options.part === 'amplitude' ? exchanged.adversarialAmplitude : exchanged.adversarialPhase,
      low,
    )
    const adversarial = float32(inputs.shape, new Float32Array(data.length))
    clipToBounds(bounds, Float64Array.from(data), adversarial.data)
    return adversarial
  },
  cost: (_options, _classes, _norm, inner) => inner ?? { forward: 0, backward: 0 },
})
