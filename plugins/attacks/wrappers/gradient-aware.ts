/** Gradient-aware: PGD on a defense that uses its own gradient, in several modes. */
import { gradientOptions, trackBestAdversarial } from '../../../core/api/attack.ts'
import { defineAttack, parseEpsilon, optionLimits } from '../../../core/api/plugin.ts'
import type { FromSchema, JSONSchema, Model } from '../../../core/api/plugin.ts'
import { runStages, stagesCost } from '../autoattack/ensemble.ts'
import type { Stage } from '../autoattack/ensemble.ts'
import { projectedGradient } from '../gradient/projected-gradient.ts'
import { projectedGradientCost } from '../gradient/projected-gradient-options.ts'
import { declaredTreatment, meanModel } from './adaptive-model.ts'
import { judgePoints } from './judge-points.ts'
import { papers } from '../../papers.ts'

const modes = ['oblivious', 'bpda', 'half', 'full', 'eot'] as const
type Mode = (typeof modes)[number]

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    modes: {
      type: 'array',
      items: { enum: modes },
      minItems: 1,
      uniqueItems: true,
      default: modes,
      description:
        'modes to run, always in the order oblivious, bpda, half, full, eot; if several are ' +
        'equivalent on a model, only the last runs',
    },
    steps: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.steps,
      default: 20,
      description: 'gradient steps per restart',
    },
    stepSize: {
      ...gradientOptions.stepSize,
      description:
        'length of a step, a positive number or a fraction such as "2/255"; default: epsilon / 4',
    },
    restarts: gradientOptions.restarts,
    randomStart: {
      type: 'boolean',
      default: true,
      description: 'start each restart at a uniform draw from the ball instead of at the input',
    },
    loss: gradientOptions.loss,
    samples: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.samples,
      default: 10,
      description: 'mode eot only: passes averaged for each evaluation of the model',
    },
  },
} as const satisfies JSONSchema

type Options = FromSchema<typeof optionsSchema>

/**
 * An adaptive attack on defenses h(x) = f(R(x, ĝ(x))) whose restoration R uses an estimate ĝ of the
 * model's own input gradient. Components that declare `identity` are treated as a restoration,
 * those that declare `constant` as a gradient map. The modes are:
 * - `oblivious`: attacks f only, to the last step, then evaluates the points on h
 * - `bpda`: h forward, each component backward as declared
 * - `half`: differentiates through R with ĝ held constant
 * - `full`: differentiates through ĝ too, to second order
 * - `eot`: `full` on means of several passes, for a stochastic model
 *
 * Each mode attacks the examples that earlier modes did not break, so the result is the worst case
 * over modes. The points of each mode are evaluated on h at one more forward pass each. If none
 * fools it, the point with the largest margin is returned. Only the abstract of the paper was
 * available; the modes are ours.
 *
 * A mode that is equivalent to a later one on the model is skipped, so `cost` is an upper bound
 * unless one mode is chosen.
 * @see Hong et al. 2022
 */
export const gradientAware = defineAttack({
  meta: {
    id: 'gradient-aware',
    apiVersion: 1,
    version: 2,
    title: 'Gradient-aware attack',
    source: papers.hong2022,
    provenance: 'abstract-only',
    norms: ['Linf', 'L2'],
    knowledge: 'white-box',
    goals: ['untargeted'],
    stochastic: true,
    optionsSchema,
  },
  async run(context) {
    const { model, options } = context
    const chosen = modes.filter((mode) => options.modes.includes(mode))
    // On a deterministic model, eot averages equal passes.
    const useful = chosen.filter((mode) => mode !== 'eot' || model.stochastic)
    const candidates = useful.length > 0 ? useful : chosen
    const effects = candidates.map((mode) => effectOf(mode, model))
    const stages = candidates
      .filter((_, place) => effects.lastIndexOf(effects[place]!) === place)
      .map((mode) => stageOf(mode, options))
    const { adversarial, brokenBy } = await runStages(context, stages)
    return { adversarial, stages: stages.map(({ name }) => name), brokenBy }
  },
  cost: (options) => stagesCost(options.modes.map((mode) => stageOf(mode, options))),
})

function stageOf(mode: Mode, options: Options): Stage {
  const settings = {
    ...options,
    goal: 'untargeted',
    target: 'random',
    // What fools f may not fool h: the attacker goes on to the last step.
    stopWhenFooled: mode !== 'oblivious',
  } as const
  const passes = projectedGradientCost(settings)
  const samples = mode === 'eot' ? options.samples : 1
  return {
    name: mode,
    targets: 0,
    cost: { forward: samples * passes.forward + 1, backward: samples * passes.backward },
    async run(task) {
      const stepSize = parseEpsilon(options.stepSize ?? task.threatModel.epsilon / 4, 'stepSize')
      const varied = meanModel(
        task.model.variant({ components: treatment(mode, task.model) }),
        samples,
      )
      const points = await projectedGradient({ ...task, model: varied }, { ...settings, stepSize })
      const best = trackBestAdversarial(task)
      await judgePoints(task, Array.from(task.labels.keys()), points, best)
      return best.findings
    },
  }
}

/** How a mode treats each component; components that are not listed are differentiated exactly. */
function treatment(mode: Mode, { components }: Model): ReturnType<typeof declaredTreatment> {
  const declared = declaredTreatment({ components })
  if (mode === 'bpda') return declared
  if (mode === 'oblivious') return treating(declared, 'identity', 'removed')
  return mode === 'half' ? treating(declared, 'constant', 'constant') : {}
}

/** Applies a treatment to the components of one declared kind. */
function treating(
  declared: ReturnType<typeof declaredTreatment>,
  kind: 'identity' | 'constant',
  how: 'removed' | 'constant',
): ReturnType<typeof declaredTreatment> {
  const chosen = Object.entries(declared).filter(([, backward]) => backward === kind)
  return Object.fromEntries(chosen.map(([name]) => [name, how]))
}

/** A key of what a mode does to a model; equivalent modes have equal keys. */
function effectOf(mode: Mode, model: Model): string {
  const treated = Object.entries(treatment(mode, model)).filter(([, how]) => how !== 'exact')
  return JSON.stringify([mode === 'eot', treated])
}
