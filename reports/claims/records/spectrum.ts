/** The amplitude and phase diagnostic of DAT's motivating study. */
import { papers } from '../../../plugins/papers.ts'
import type { AttackSelector, Claim } from '../claim.ts'

const amplitude: AttackSelector = {
  label: 'amplitude of the attack',
  plugins: ['spectral-exchange'],
  options: { part: { is: 'amplitude' } },
}

const phase: AttackSelector = {
  label: 'phase of the attack',
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
      "Of PGD's change to an image, the phase hurts a standard model more than the amplitude.",
    higher: { defense: { label: 'standard', plugin: 'standard' }, attack: amplitude },
    lower: { defense: { label: 'standard', plugin: 'standard' }, attack: phase },
  },
  {
    ...shared,
    id: 'amplitude-hurts-robust',
    statement:
      "Of PGD's change to an image, the amplitude hurts a PGD-AT model more than the phase.",
    higher: { defense: { label: 'PGD-AT', plugin: 'pgd-at' }, attack: phase },
    lower: { defense: { label: 'PGD-AT', plugin: 'pgd-at' }, attack: amplitude },
  },
]
