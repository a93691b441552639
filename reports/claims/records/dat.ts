/** Claims about DAT: its main comparison and its ablations. */
import { papers } from '../../../plugins/papers.ts'
import type { AttackSelector, Claim, DefenseSelector, OptionTests } from '../claim.ts'
import { autoAttack, autoAttackApgd, pgd20 } from './attacks.ts'

const full: OptionTests = {
  recombination: { is: 'generator' },
  omega: { above: 0 },
  mix: { is: 'uniform' },
  splitNormalization: { is: true },
  adversaries: { is: 'dual' },
  weightPerturbation: { is: 0 },
}

const dat: DefenseSelector = { label: 'DAT', plugin: 'dat', options: full }

/** An ablation: options that replace those of `full`, and the sentence that claims their use. */
interface Ablation {
  readonly id: string
  readonly label: string
  readonly options: OptionTests
  readonly varied: readonly string[]
  readonly gain: string
  readonly place: string
}

const ablations: readonly Ablation[] = [
  {
    id: 'no-recombined-data',
    label: 'no recombined data',
    options: { recombination: { is: 'none' } },
    varied: [
      'recombination',
      'recombinedCrop',
      'omega',
      'mix',
      'mixLimit',
      'splitNormalization',
      'adversaries',
    ],
    gain: 'Training on recombined images',
    place: 'table 4',
  },
  {
    id: 'no-divergence',
    label: 'w/o D_JS',
    options: { ...full, omega: { is: 0 } },
    varied: ['omega'],
    gain: 'The Jensen-Shannon divergence between image and recombined image',
    place: 'table 4',
  },
  {
    id: 'no-mix-up',
    label: 'w/o mix-up',
    options: { ...full, mix: { is: 'full' } },
    varied: ['mix'],
    gain: "Mixing the generator's amplitude with that of the image",
    place: 'table 4',
  },
  {
    id: 'no-split-normalization',
    label: 'w/o split BN',
    options: { ...full, splitNormalization: { is: false } },
    varied: ['splitNormalization'],
    gain: 'Separate batch normalization for recombined images',
    place: 'table 4',
  },
  {
    id: 'no-generator',
    label: 'w/o AAG',
    options: { ...full, recombination: { is: 'random' } },
    varied: ['recombination'],
    gain: 'The adversarial amplitude generator, instead of amplitudes of random images,',
    place: 'table 4',
  },
  {
    id: 'single-adversary',
    label: 'single adversary',
    options: { ...full, adversaries: { is: 'single' } },
    varied: ['adversaries'],
    gain: 'An inner attack on recombined images, beside the one on images,',
    place: 'table 12',
  },
]

const attacks: readonly (readonly [id: string, attack: AttackSelector])[] = [
  ['pgd-20', pgd20],
  ['autoattack', autoAttack],
]

/** Those of the ablations: apgd-ce and apgd-t take a fifth of the time of all of AutoAttack. */
const attacksOfAblations: typeof attacks = [
  ['pgd-20', pgd20],
  ['apgd', autoAttackApgd],
]

const others = [
  { label: 'PGD-AT', plugin: 'pgd-at', options: { weightPerturbation: { is: 0 } } },
  { label: 'TRADES', plugin: 'trades', options: { weightPerturbation: { is: 0 } } },
] as const satisfies readonly DefenseSelector[]

/** DAT over other defenses, and over its ablations, under PGD-20 and (parts of) AutoAttack. */
export const datClaims: readonly Claim[] = [
  ...others.flatMap((other) =>
    attacks.map(([id, attack]): Claim => ({
      id: `dat-over-${other.plugin}-${id}`,
      statement: `DAT is more robust than ${other.label} under ${attack.label}.`,
      source: papers.li2024,
      place: 'table 1',
      higher: { defense: dat, attack },
      lower: { defense: other, attack },
      pairing: 'network',
    })),
  ),
  ...ablations.flatMap(({ id, label, options, varied, gain, place }) =>
    attacksOfAblations.map(([suffix, attack]): Claim => ({
      id: `dat-${id}-${suffix}`,
      statement: `${gain} makes DAT more robust under ${attack.label}.`,
      source: papers.li2024,
      place,
      higher: { defense: dat, attack },
      lower: { defense: { label, plugin: 'dat', options }, attack },
      pairing: 'options',
      varied,
    })),
  ),
]
