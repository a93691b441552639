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

/** The first two attacks of AutoAttack, which leave little to the others. */
export const autoAttackApgd: AttackSelector = {
  label: "AutoAttack's apgd-ce and apgd-t",
  plugins: ['autoattack'],
  options: {
    version: { oneOf: ['standard', 'plus', 'custom'] },
    attacks: { includes: 'apgd-t', ifSet: true },
  },
  stages: ['apgd-t'],
}

/** The adaptive frequency attack. */
export const frequencySweep: AttackSelector = {
  label: 'frequency sweep',
  plugins: ['high-pass-sweep'],
}
