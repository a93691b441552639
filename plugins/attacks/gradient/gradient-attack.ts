/**
 * Builds plugins of projected gradient ascent: what fgsm, bim, pgd, mim, and their variants share.
 */
import { gradientOptions } from '../../../core/api/attack.ts'
import { parseEpsilon, optionLimits } from '../../../core/api/plugin.ts'
import type { AttackPlugin, JSONSchema, Norm } from '../../../core/api/plugin.ts'
import type { ImageShape } from './input-diversity.ts'
import { projectedGradient } from './projected-gradient.ts'
import { projectedGradientCost } from './projected-gradient-options.ts'
import type { ProjectedGradientOptions } from './projected-gradient-options.ts'

/** Properties of `optionsSchema` for an attack with momentum. */
export const momentumOptions = {
  ...gradientOptions,
  steps: {
    type: 'integer',
    minimum: 1,
    maximum: optionLimits.steps,
    default: 10,
    description: 'gradient steps per restart',
  },
  stepSize: {
    ...gradientOptions.stepSize,
    description: 'a positive number or a fraction such as "2/255"; epsilon / steps by default',
  },
  momentum: {
    type: 'number',
    minimum: 0,
    maximum: optionLimits.factor,
    default: 1,
    description: 'decay factor of the accumulated gradient; 0 disables momentum',
  },
  randomStart: {
    type: 'boolean',
    default: false,
    description: 'start each restart at a uniform draw from the ball instead of at the input',
  },
} as const satisfies Readonly<Record<string, JSONSchema>>

/** Properties of `optionsSchema` for an attack whose points are meant to fool other models too. */
export const transferableOptions = {
  ...momentumOptions,
  stopWhenFooled: {
    type: 'boolean',
    default: true,
    description:
      'false: continue after the model is fooled, and return the fooling point with the ' +
      'highest loss, which transfers better',
  },
} as const satisfies Readonly<Record<string, JSONSchema>>

/** The properties shared by the metadata of all these plugins. */
export const gradientAttackMeta = {
  apiVersion: 1,
  version: 1,
  provenance: 'paper',
  norms: ['Linf', 'L2'],
  knowledge: 'white-box',
  goals: ['untargeted', 'targeted'],
  stochastic: true,
} as const

/** The options of these plugins. Without `steps`, the attack takes one step. */
export type GradientAttackOptions = Pick<
  ProjectedGradientOptions,
  | 'loss'
  | 'goal'
  | 'target'
  | 'targets'
  | 'randomStart'
  | 'centerStart'
  | 'restarts'
  | 'stepSchedule'
> & { readonly stepSize?: string | number; readonly steps?: number }

/** The differences of one plugin from the others. */
export interface GradientAttack<Options> {
  /** The step size if the option is omitted, in the units of the inputs. */
  defaultStepSize(epsilon: number, options: Options): number
  /**
   * Settings beyond the options.
   * @param shape of the inputs; `[1, 1, 1]` where only the cost is needed
   */
  settings?(options: Options, norm: Norm, shape: ImageShape): Partial<ProjectedGradientOptions>
}

/** `run` and `cost` of a plugin, for `defineAttack`. */
export function gradientAttack<Options extends GradientAttackOptions>({
  defaultStepSize,
  settings = () => ({}),
}: GradientAttack<Options>): Pick<AttackPlugin<Options>, 'run' | 'cost'> {
  return {
    run(context) {
      const { options, threatModel, model } = context
      const stepSize = options.stepSize ?? defaultStepSize(threatModel.epsilon, options)
      return projectedGradient(context, {
        steps: 1,
        ...options,
        stepSize: parseEpsilon(stepSize, 'stepSize'),
        ...settings(options, threatModel.norm, model.inputShape),
      })
    },
    cost: (options, classes, norm = 'Linf') =>
      projectedGradientCost(
        { steps: 1, ...options, ...settings(options, norm, [1, 1, 1]) },
        classes,
      ),
  }
}

/** The step size with which all steps together just reach epsilon. */
export function epsilonOverSteps(epsilon: number, { steps }: { readonly steps: number }): number {
  return epsilon / steps
}
