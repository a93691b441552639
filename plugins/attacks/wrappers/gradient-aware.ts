/** Gradient-aware: PGD on a defense that consumes its own gradient, in every mode of differentiating it. */
import { gradientOptions, trackBestAdversarial } from '../../../core/api/attack.ts'
import type { AttackFindings, AttackTask } from '../../../core/api/attack.ts'
import { sliceRows } from '../../../core/api/graph.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'
import { defineAttack, parseEpsilon } from '../../../core/api/plugin.ts'
import type { FromSchema, JSONSchema, Model } from '../../../core/api/plugin.ts'
import { runStages, stagesCost } from '../autoattack/ensemble.ts'
import type { Stage } from '../autoattack/ensemble.ts'
import { projectedGradient, projectedGradientCost } from '../gradient/projected-gradient.ts'
import { declaredTreatment, meanModel } from './adaptive-model.ts'
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
        'what to run, in this order: oblivious, bpda, half, full, eot; of those that come to the same on a model, the last is run',
    },
    steps: { type: 'integer', minimum: 1, default: 20, description: 'gradient steps a restart' },
    stepSize: {
      ...gradientOptions.stepSize,
      description: 'a positive number or a fraction such as "2/255"; epsilon / 4 if left out',
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
      default: 10,
      description: 'passes of which the mean counts, with mode eot',
    },
  },
} as const satisfies JSONSchema

type Options = FromSchema<typeof optionsSchema>

/**
 * The adaptive attacker of defenses h(x) = f(R(x, ĝ(x))) whose restoration R takes an estimate ĝ of the model's own input gradient. By what the components
 * declare, `identity` being a restoration and `constant` a gradient map:
 * - `oblivious`: attacks f alone, then shows h what it found;
 * - `bpda`: h forward, each component backward as declared;
 * - `half`: through R, with ĝ held constant;
 * - `full`: through ĝ too, to the second order;
 * - `eot`: `full` on means of several passes, for a model that is stochastic.
 *
 * Each mode goes on with what the ones before it have left: the result is the least robust of all. Every mode's points are shown to h, at one more
 * forward pass each; where none fools it, the one with the largest margin is kept. Of the paper the abstract alone was read; the modes
 * are ours.
 *
 * Cost: a mode that comes to the same as a later one on that model is not run, so `cost` is an upper bound unless one mode is chosen.
 * @see Hong, Hong, Kong 2022, "An eye for an eye: defending against gradient-based attacks with gradients", arXiv:2202.01117
 */
export const gradientAware = defineAttack({
  meta: {
    id: 'gradient-aware',
    apiVersion: 1,
    version: 1,
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
    // A mean over equal passes is one of them.
    const useful = chosen.filter((mode) => mode !== 'eot' || model.stochastic)
    const able = useful.length > 0 ? useful : chosen
    const effects = able.map((mode) => effectOf(mode, model))
    const stages = able
      .filter((_, place) => effects.lastIndexOf(effects[place]!) === place)
      .map((mode) => stageOf(mode, options))
    const { adversarial, brokenBy } = await runStages(context, stages)
    return { adversarial, stages: stages.map(({ name }) => name), brokenBy }
  },
  cost: (options) => stagesCost(options.modes.map((mode) => stageOf(mode, options))),
})

function stageOf(mode: Mode, options: Options): Stage {
  const settings = { ...options, goal: 'untargeted', target: 'random' } as const
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
      return judge(task, points)
    },
  }
}

/** How a mode treats each component; whatever it does not name is exact. */
function treatment(mode: Mode, { components }: Model): ReturnType<typeof declaredTreatment> {
  const declared = declaredTreatment({ components })
  if (mode === 'bpda') return declared
  if (mode === 'oblivious') return treating(declared, 'identity', 'removed')
  return mode === 'half' ? treating(declared, 'constant', 'constant') : {}
}

function treating(
  declared: ReturnType<typeof declaredTreatment>,
  kind: 'identity' | 'constant',
  how: 'removed' | 'constant',
): ReturnType<typeof declaredTreatment> {
  const chosen = Object.entries(declared).filter(([, backward]) => backward === kind)
  return Object.fromEntries(chosen.map(([name]) => [name, how]))
}

/** Modes with the same text do the same to a model. */
function effectOf(mode: Mode, model: Model): string {
  const treated = Object.entries(treatment(mode, model)).filter(([, how]) => how !== 'exact')
  return JSON.stringify([mode === 'eot', treated])
}

/** What the defended model says of the points. One forward pass each. */
async function judge(task: AttackTask, points: FloatTensor): Promise<AttackFindings> {
  const { model, labels, batchSize, signal } = task
  const { findings, record } = trackBestAdversarial(task)
  for (let start = 0; start < labels.length; start += batchSize) {
    signal.throwIfAborted()
    const batch = sliceRows(points, start, Math.min(start + batchSize, labels.length))
    const logits = await model.logits(batch)
    for (let place = 0; place < batch.shape[0]!; place++) {
      const row = [place, place + 1] as const
      record(start + place, sliceRows(batch, ...row).data, sliceRows(logits, ...row).data)
    }
  }
  return findings
}
