/** The cases of the conformance battery for each built-in attack. */
import type { PluginOptions } from '../../core/plugin/contract.ts'
import type { AttackConformance, ConformanceCheckId } from '../../core/testing/index.ts'
import type { Norm } from '../../core/threat/threat-model.ts'

/** Settings of one run of the battery. */
export interface ConformanceCase extends Omit<
  AttackConformance,
  'plugin' | 'inner' | 'createModel' | 'norms'
> {
  /** Default: all norms of the attack. */
  readonly norms?: readonly Norm[]
  /** The attack to wrap. */
  readonly inner?: { readonly id: string; readonly options: PluginOptions }
  /** True to attack a linear model in the engine, for attacks that `compile`. */
  readonly inEngine?: boolean
  /** Checks that are left out, each with the reason. */
  readonly exempt?: Readonly<Partial<Record<ConformanceCheckId, string>>>
}

/** Goals and losses of the plain gradient attacks. */
const goals: readonly PluginOptions[] = [
  {},
  { loss: 'margin' },
  { goal: 'targeted', restarts: 2 },
  { goal: 'targeted', target: 'least-likely' },
  { goal: 'multi-targeted', loss: 'margin', restarts: 2 },
]

/** A case per goal; the seed matters with a random start. */
function forEachGoal(few: PluginOptions): ConformanceCase[] {
  return goals.map((goal) => {
    const options = { ...few, ...goal }
    return { options, seedOptions: { ...options, randomStart: true } }
  })
}

const customAutoattack = { version: 'custom', queries: 5, restarts: 1 } as const
const carliniWagner = { steps: 10, searchSteps: 3 } as const
const pgd = { id: 'pgd', options: { steps: 3, restarts: 2 } } as const
const apgd = { id: 'apgd-ce', options: { steps: 3 } } as const
const withStart = { steps: 4, randomStart: true } as const
const attributes = {
  kind: 'attribute',
  ranges: { rotation: [-30, 30], translationX: [-1, 1], brightness: [-0.1, 0.1] },
} as const

/** With noise added: so small that some examples are not broken. */
const smallChanges = {
  kind: 'attribute',
  ranges: { rotation: [-5, 5], brightness: [-0.02, 0.02] },
} as const

/** For attacks in norms that pgd does not know. */
const wrapping = (options: PluginOptions): ConformanceCase[] => [
  { options, inner: pgd, norms: ['Linf', 'L2'] },
  { options, inner: apgd, norms: ['L1'] },
]

/** By the id of the attack. */
export const conformanceCases: Readonly<Record<string, readonly ConformanceCase[]>> = {
  'additive-noise': [{ options: { repeats: 3 } }, { options: { distribution: 'uniform' } }],
  'amplitude-mix': [
    { options: { distractors: 3, mixes: 2, steps: 3 } },
    { options: { distractors: 3, steps: 0 } },
    { options: { distractors: 2, mixes: 2, steps: 2 }, inEngine: true },
    {
      options: { distractors: 2, mixes: 2, steps: 2 },
      transform: { kind: 'amplitude', mix: 0.5, scale: 0.2 },
    },
  ],
  'apgd-ce': [{ options: { steps: 7 } }, { options: { steps: 7, restarts: 2, samples: 3 } }],
  'apgd-dlr': [{ options: { steps: 7, restarts: 2 } }],
  'apgd-t': [{ options: { steps: 7 } }, { options: { steps: 7, restarts: 2, targets: 2 } }],
  autoattack: [
    { options: { version: 'custom', steps: 7, queries: 20, restarts: 2 } },
    { options: { ...customAutoattack, steps: 3, targets: 2 }, inEngine: true },
    {
      options: { ...customAutoattack, steps: 7, attacks: ['square', 'fab', 'apgd-dlr'] },
      inEngine: true,
    },
  ],
  bim: forEachGoal({ steps: 4 }),
  boundary: [{ options: { queries: 400 } }],
  bpda: wrapping({}),
  'carlini-wagner': [
    { options: { ...carliniWagner, abortEarly: false } },
    { options: carliniWagner, costIsLimit: true },
    { options: { ...carliniWagner, confidence: 0.5, abortEarly: false } },
  ],
  corruption: [
    {
      options: { corruption: 'gaussian-noise', severity: 3 },
      transform: { kind: 'corruption' },
    },
  ],
  ddn: [{ options: { steps: 20 } }, { options: { steps: 7, loss: 'margin', radiusChange: 0.5 } }],
  deepfool: [
    { costIsLimit: true },
    { options: { targets: 2, halvings: 0, steps: 3 }, inEngine: true },
    { costIsLimit: true, inEngine: true },
  ],
  'di-fgsm': [
    { options: { steps: 4, probability: 1, resizeRate: 0.5, restarts: 2 } },
    { options: { steps: 4, momentum: 0, resizeRate: 0.5, stopWhenFooled: false } },
    { options: { steps: 4, probability: 0 }, seedOptions: withStart },
    { options: { steps: 3, resizeRate: 0.5 }, inEngine: true },
  ],
  eot: wrapping({ samples: 2 }),
  fab: [{ options: { steps: 7, restarts: 2 }, inEngine: true }],
  'fab-t': [{ options: { steps: 7, restarts: 2 } }],
  fgsm: forEachGoal({}),
  fmn: [{ options: { steps: 10 } }, { options: { steps: 7, stepSize: '1/4' } }],
  'gradient-aware': [{ options: { modes: ['full'], steps: 3, restarts: 2 } }],
  'high-pass': [
    { options: { steps: 4, restarts: 2 } },
    { options: { steps: 4, radius: 0 } },
    { options: { steps: 4, mask: 'gaussian', loss: 'margin' } },
    { options: { steps: 4, mask: 'butterworth', band: 'low', keptEnergy: 0.95 } },
    { options: { steps: 4, band: 'band', radius: 1, outerRadius: 2 } },
    { options: { steps: 4, variant: 'emphasis', strength: 0.5 } },
    { options: { steps: 4, variant: 'high-pass-only', goal: 'targeted', restarts: 2 } },
    { options: { steps: 3 }, inEngine: true },
  ],
  'high-pass-sweep': [
    { options: { steps: 3 } },
    { options: { steps: 3, bands: [{ band: 'high', radius: 2 }, { band: 'low' }] } },
  ],
  'hop-skip-jump': [
    { options: { queries: 250, initialSamples: 15 } },
    { options: { queries: 120, initialSamples: 10 }, inEngine: true },
  ],
  mim: forEachGoal({ steps: 4 }),
  nes: [
    { options: { queries: 100, samples: 10 } },
    {
      options: {
        queries: 100,
        samples: 8,
        momentum: 0,
        randomStart: true,
        loss: 'cross-entropy',
      },
    },
  ],
  'ni-fgsm': [
    { options: { steps: 4 }, seedOptions: withStart },
    { options: { steps: 4, scaleCopies: 3, stopWhenFooled: false }, seedOptions: withStart },
    { options: { steps: 4, goal: 'targeted', target: 'least-likely' }, seedOptions: withStart },
  ],
  pgd: [...forEachGoal({ steps: 4, restarts: 2 }), { options: { steps: 3 }, inEngine: true }],
  'sigma-zero': [{ options: { steps: 40 } }],
  spa: [
    { options: { steps: 3, restarts: 2 }, transform: smallChanges },
    { options: { noise: 'basis', steps: 2, restarts: 1 }, transform: smallChanges },
    {
      options: {
        noise: 'generator',
        steps: 2,
        restarts: 1,
        generatorSteps: 1,
        generatorExamples: 32,
      },
      transform: smallChanges,
      norms: ['L2'],
      inEngine: true,
    },
  ],
  'sparse-pgd': [
    { options: { steps: 12 } },
    { options: { steps: 12, valueGradient: 'projected', restarts: 2, loss: 'margin' } },
  ],
  spatial: [
    {
      options: { method: 'random', samples: 4 },
      transform: attributes,
    },
    { options: { method: 'first-order', steps: 3, restarts: 2 }, transform: attributes },
  ],
  spsa: [
    { options: { queries: 100, samples: 10 } },
    {
      options: { queries: 100, samples: 12, update: 'sign', randomStart: false, loss: 'dlr' },
    },
  ],
  'spectral-exchange': (['amplitude', 'phase'] as const).map((part) => ({
    options: { part },
    inner: pgd,
    norms: ['Linf', 'L2'] as const,
    transform: { kind: 'exchange' as const },
    costIsLimit: true,
  })),
  square: [
    { options: { queries: 30, restarts: 2 } },
    { options: { queries: 30, rescaleSchedule: true } },
  ],
  'ti-fgsm': [
    { options: { steps: 4 }, seedOptions: withStart },
    { options: { steps: 4, kernelRadius: 1, sigma: 2, momentum: 0 }, seedOptions: withStart },
  ],
  transfer: [
    {
      inner: { id: 'di-fgsm', options: { steps: 3, resizeRate: 0.5, stopWhenFooled: false } },
      surrogates: 2,
      norms: ['Linf', 'L2'],
    },
    { inner: apgd, surrogates: 2, norms: ['L1'] },
  ],
  universal: [{ options: { examples: 20, epochs: 3, stepExamples: 6 } }],
}

/** Attacks or norms of attacks (`pgd` or `pgd L2`) without a case, each with the reason. */
export const exemptAttacks: Readonly<Record<string, string>> = {}
