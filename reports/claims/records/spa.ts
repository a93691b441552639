/** Claims about the SPA attack and training against it. Only the abstract was available. */
import { papers } from '../../../plugins/papers.ts'
import type { AttackSelector, Claim, DefenseSelector } from '../claim.ts'

const spa: AttackSelector = { label: 'SPA', plugins: ['spa'] }
const pgd: AttackSelector = { label: 'PGD', plugins: ['pgd'] }
const attributes: AttackSelector = { label: 'attributes alone', plugins: ['spatial'] }

const classifiers = [
  { label: 'standard', plugin: 'standard' },
  { label: 'PGD-AT', plugin: 'pgd-at' },
] as const satisfies readonly DefenseSelector[]

const rivals = [
  ['pgd', pgd, 'PGD'],
  ['attributes', attributes, 'an attack on attributes alone'],
] as const satisfies readonly (readonly [string, AttackSelector, string])[]

/** SPA below other attacks at equal ε, and training against SPA. */
export const spaClaims: readonly Claim[] = [
  ...classifiers.flatMap((defense) =>
    rivals.map(([id, rival, words]): Claim => ({
      id: `spa-below-${id}-${defense.plugin}`,
      statement:
        `SPA leaves fewer examples of a ${defense.label} model robust than ${words} ` +
        'at the same ε.',
      source: papers.gao2023,
      place: 'abstract',
      higher: { defense, attack: rival },
      lower: { defense, attack: spa },
      pairing: 'row',
      transform: 'attribute',
    })),
  ),
  {
    id: 'spa-at-over-pgd-at',
    statement: 'SPA training is more robust than PGD-AT against joint perturbations.',
    source: papers.gao2023,
    place: 'abstract',
    higher: { defense: { label: 'SPA training', plugin: 'spa-at' }, attack: spa },
    lower: { defense: { label: 'PGD-AT', plugin: 'pgd-at' }, attack: spa },
    pairing: 'network',
    transform: 'attribute',
  },
]
