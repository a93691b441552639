/** Claims about TRN. Only its abstract was available; the ablations test our reading. */
import { papers } from '../../../plugins/papers.ts'
import type { AttackSelector, Claim, DefenseSelector, OptionTests, Pairing } from '../claim.ts'

const full: OptionTests = {
  streams: { is: 'both' },
  map: { oneOf: ['all', 'topk', 'pseudo', 'margin', 'uniform'] },
  fusion: { is: 'block' },
}

const trn: DefenseSelector = { label: 'TRN', plugin: 'trn', options: full }

/** The model that TRN protects. */
const base: DefenseSelector = { label: 'the base', plugin: 'base' }

const laterModes = ['full', 'eot']

const halfAware: AttackSelector = {
  label: 'half gradient-aware',
  plugins: ['gradient-aware'],
  options: { modes: { includes: 'half' } },
  stages: ['half', ...laterModes],
}

const fullAware: AttackSelector = {
  label: 'full gradient-aware',
  plugins: ['gradient-aware'],
  options: { modes: { includes: 'full' } },
  stages: laterModes,
}

const bpda: AttackSelector = { label: 'BPDA', plugins: ['bpda'] }

function overBase(
  id: string,
  statement: string,
  attack: AttackSelector,
  { lower = attack, pairing = 'base' }: { lower?: AttackSelector; pairing?: Pairing } = {},
): Claim {
  return {
    id: `trn-${id}`,
    statement,
    source: papers.hong2022,
    place: 'abstract',
    higher: { defense: trn, attack },
    lower: { defense: base, attack: lower },
    pairing,
  }
}

function ablation(
  id: string,
  statement: string,
  defense: Pick<DefenseSelector, 'label'> & { readonly options: OptionTests },
  varied: readonly string[],
): Claim {
  return {
    id: `trn-${id}`,
    statement,
    source: papers.hong2022,
    place: 'abstract',
    higher: { defense: trn, attack: fullAware },
    lower: { defense: { ...defense, plugin: 'trn' }, attack: fullAware },
    pairing: 'options',
    varied,
  }
}

/** TRN over the model that it protects, by attacker, and over its ablations. */
export const trnClaims: readonly Claim[] = [
  overBase(
    'oblivious',
    'TRN protects a classifier against attackers who ignore TRN.',
    { label: 'transfer from the base', plugins: ['transfer'] },
    {
      lower: { label: 'the transferred attack', plugins: ['pgd', 'bim', 'mim', 'di-fgsm', 'fgsm'] },
      pairing: 'transfer',
    },
  ),
  overBase('bpda', 'TRN protects a classifier against attackers who approximate TRN.', bpda),
  overBase(
    'half',
    'TRN protects a classifier against attackers who differentiate through restoration only.',
    halfAware,
  ),
  overBase(
    'full',
    'TRN protects a classifier against attackers who differentiate through all of TRN.',
    fullAware,
  ),
  overBase(
    'hard-to-bypass',
    'TRN is hard to bypass: the worst case over BPDA and all gradient-aware modes stays above that ' +
      'of the base.',
    {
      label: 'worst case of BPDA and gradient-aware',
      plugins: ['bpda', 'gradient-aware'],
      options: { modes: { includes: 'full', ifSet: true } },
      combine: 'union',
    },
  ),
  ablation(
    'gradient-stream',
    'A stream of gradient maps makes TRN more robust than the image alone.',
    { label: 'one stream', options: { streams: { is: 'image-only' } } },
    ['streams', 'map', 'mapCount', 'normalize', 'fusion'],
  ),
  ablation(
    'estimated-map',
    'Gradient maps that are estimated without the label make TRN more robust than training on ' +
      'maps of the true label, which the model replaces by the predicted one.',
    { label: 'oracle gradient', options: { ...full, map: { is: 'oracle' } } },
    ['map', 'mapCount'],
  ),
  ablation(
    'fusion-block',
    'Fusion blocks make TRN more robust than plain concatenation of the streams.',
    { label: 'concatenation', options: { ...full, fusion: { is: 'concat' } } },
    ['fusion'],
  ),
]
