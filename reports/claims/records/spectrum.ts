/** The amplitude and phase diagnostic of DAT's motivating study. */
import { papers } from '../../../plugins/papers.ts'
import type { AttackSelector, Claim } from '../claim.ts'

const amplitude: AttackSelector = {
  label: 'with their amplitude',
  plugins: ['spectral-exchange'],
  options: { part: { is: 'amplitude' } },
}

const phase: AttackSelector = {
  label: 'with their phase',
  plugins: ['spectral-exchange'],
  options: { part: { is: 'phase' } },
}

const shared = {
  source: papers.li2024,
  place: 'section 2',
  pairing: 'row',
  transform: 'exchange',
} as const satisfies Partial<Claim>

/** Which part of the spectrum an attack hurts more, by kind of training. */
export const spectrumClaims: readonly Claim[] = [
  {
    ...shared,
    id: 'phase-hurts-standard',
    statement:
      'The phase of adversarial examples hurts a standard model more than their amplitude.',
    higher: { defense: { label: 'standard', plugin: 'standard' }, attack: amplitude },
    lower: { defense: { label: 'standard', plugin: 'standard' }, attack: phase },
  },
  {
    ...shared,
    id: 'amplitude-hurts-robust',
    statement: 'The amplitude of adversarial examples hurts a PGD-AT model more than their phase.',
    higher: { defense: { label: 'PGD-AT', plugin: 'pgd-at' }, attack: phase },
    lower: { defense: { label: 'PGD-AT', plugin: 'pgd-at' }, attack: amplitude },
  },
]
