/** Claims about MMCAT. Only its abstract was available; the ablations test our reading. */
import { papers } from '../../../plugins/papers.ts'
import type { Claim, DefenseSelector, OptionTests } from '../claim.ts'
import { frequencySweep } from './attacks.ts'

const full: OptionTests = {
  kappa: { above: 0 },
  gamma: { above: 0 },
  modalities: { longerThan: 1 },
  weightPerturbation: { is: 0 },
}

const mmcat: DefenseSelector = { label: 'MMCAT', plugin: 'mmcat', options: full }

function ablation(
  id: string,
  statement: string,
  defense: Pick<DefenseSelector, 'label'> & { readonly options: OptionTests },
  varied: readonly string[],
): Claim {
  return {
    id,
    statement,
    source: papers.mmcat2023,
    place: 'abstract',
    higher: { defense: mmcat, attack: frequencySweep },
    lower: { defense: { ...defense, plugin: 'mmcat' }, attack: frequencySweep },
    pairing: 'options',
    varied,
  }
}

/** MMCAT over adversarial training, and over its ablations, under the adaptive frequency attack. */
export const mmcatClaims: readonly Claim[] = [
  {
    id: 'mmcat-over-pgd-at',
    statement: 'MMCAT is more robust than PGD-AT under an adaptive frequency attack.',
    source: papers.mmcat2023,
    place: 'abstract',
    higher: { defense: mmcat, attack: frequencySweep },
    lower: {
      defense: { label: 'PGD-AT', plugin: 'pgd-at', options: { weightPerturbation: { is: 0 } } },
      attack: frequencySweep,
    },
    pairing: 'network',
  },
  ablation(
    'mmcat-enhancement',
    'Enhancing high frequencies of adversarial examples makes MMCAT more robust under an ' +
      'adaptive frequency attack.',
    { label: 'κ = 0', options: { ...full, kappa: { is: 0 } } },
    ['kappa'],
  ),
  ablation(
    'mmcat-collaboration',
    'Collaboration between modalities makes MMCAT more robust under an adaptive frequency attack.',
    { label: 'γ = 0', options: { ...full, gamma: { is: 0 } } },
    ['gamma'],
  ),
  ablation(
    'mmcat-modalities',
    'Several modalities make MMCAT more robust than one under an adaptive frequency attack.',
    { label: 'M = 1', options: { kappa: { above: 0 }, modalities: { length: 1 } } },
    ['modalities', 'gamma'],
  ),
]
