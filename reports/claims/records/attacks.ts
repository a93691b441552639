/** Attacks that several claims name. */
import type { AttackSelector } from '../claim.ts'

/** PGD with 20 steps. */
export const pgd20: AttackSelector = {
  label: 'PGD-20',
  plugins: ['pgd'],
  options: { steps: { is: 20 } },
}

/** The standard ensemble, or its larger version. */
export const autoAttack: AttackSelector = {
  label: 'AutoAttack',
  plugins: ['autoattack'],
  options: { version: { oneOf: ['standard', 'plus'] } },
}

/** The adaptive frequency attack. */
export const frequencySweep: AttackSelector = {
  label: 'frequency sweep',
  plugins: ['high-pass-sweep'],
}
