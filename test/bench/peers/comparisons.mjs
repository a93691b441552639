/** The comparisons: an attack of a reference package, and robench's at the same budget. */

const linf = { norm: 'Linf', epsilon: 8 / 255 }
const l2 = { norm: 'L2', epsilon: 128 / 255 }
const autoattackL2 = { norm: 'L2', epsilon: 0.5 }
const autoattackL1 = { norm: 'L1', epsilon: 12 }

const stepSize = '2/255'

/** robench's options for an attack with a budget of steps or queries. */
const ours = {
  fgsm: () => ({ plugin: 'fgsm', options: {} }),
  pgd: (steps) => ({ plugin: 'pgd', options: { steps } }),
  'apgd-ce': (steps) => ({ plugin: 'apgd-ce', options: { steps } }),
  'apgd-dlr': (steps) => ({ plugin: 'apgd-dlr', options: { steps } }),
  'apgd-t': (steps) => ({ plugin: 'apgd-t', options: { steps } }),
  'fab-t': (steps) => ({ plugin: 'fab-t', options: { steps } }),
  square: (queries) => ({ plugin: 'square', options: { queries } }),
  standard: () => ({ plugin: 'autoattack', options: {} }),
  deepfool: (steps) => ({ plugin: 'deepfool', options: { steps } }),
  ddn: (steps) => ({ plugin: 'ddn', options: { steps } }),
  fmn: (steps) => ({ plugin: 'fmn', options: { steps } }),
  'fmn-linf': (steps) => ({ plugin: 'fmn', options: { steps } }),
  'carlini-wagner': (steps) => ({ plugin: 'carlini-wagner', options: { steps } }),
  mim: (steps) => ({ plugin: 'mim', options: { steps, stepSize } }),
  'ni-fgsm': (steps) => ({ plugin: 'ni-fgsm', options: { steps, stepSize } }),
  'di-fgsm': (steps) => ({ plugin: 'di-fgsm', options: { steps, stepSize } }),
  'ti-fgsm': (steps) => ({ plugin: 'ti-fgsm', options: { steps, stepSize, kernelRadius: 7 } }),
  // A step queries 128 pairs; robench also queries the iterate.
  spsa: (steps) => ({ plugin: 'spsa', options: { queries: 1 + 257 * steps, samples: 256 } }),
  // Foolbox counts iterations: 16 of them take about 5,000 queries.
  'hop-skip-jump': (iterations) => ({
    plugin: 'hop-skip-jump',
    options: { queries: Math.round(5000 * (iterations / 16) ** 1.5) },
  }),
  // Foolbox counts steps: a tenth of them query twice, and its start takes about 55 queries.
  boundary: (steps) => ({ plugin: 'boundary', options: { queries: Math.round(1.1 * steps) + 55 } }),
}

/**
 * Each row has a budget in steps or queries, as its title says; a `rehearsal`, the short run that
 * determines the batch size of each side; and a `bar`, the required ratio of times.
 */
export const comparisons = [
  row('fgsm', 'torchattacks', linf, '1 step', 1),
  row('fgsm', 'foolbox', linf, '1 step', 1),
  row('pgd', 'torchattacks', linf, '20 steps of 2/255', 20, { bar: 1.5 }),
  row('pgd', 'foolbox', linf, '20 steps of 2/255', 20, { bar: 1.5 }),
  row('apgd-ce', 'autoattack', linf, '100 steps', 100, { bar: 1.5 }),
  row('apgd-ce', 'torchattacks', linf, '100 steps', 100, { bar: 1.5 }),
  row('apgd-dlr', 'autoattack', linf, '100 steps', 100),
  row('deepfool', 'foolbox', l2, '50 steps', 50),
  row('ddn', 'foolbox', l2, '100 steps', 100),
  row('fmn', 'adv-lib', l2, '100 steps', 100),
  row('fmn-linf', 'foolbox', linf, '100 steps', 100),
  row('fmn-linf', 'adv-lib', linf, '100 steps', 100),
  row('fmn', 'adv-lib', autoattackL1, '100 steps', 100, { suffix: '-l1' }),
  row('carlini-wagner', 'foolbox', l2, '9 × 200 steps', 200),
  row('mim', 'torchattacks', linf, '10 steps of 2/255', 10),
  row('ni-fgsm', 'torchattacks', linf, '10 steps of 2/255', 10),
  row('di-fgsm', 'torchattacks', linf, '10 steps of 2/255', 10),
  row('ti-fgsm', 'torchattacks', linf, '10 steps of 2/255', 10),
  row('spsa', 'torchattacks', linf, '10 steps of 128 pairs', 10),
  // Foolbox divides by one norm over a whole batch.
  row('hop-skip-jump', 'foolbox', l2, '5,000 queries', 16, { theirBatch: 1 }),
  row('boundary', 'foolbox', l2, '5,000 steps', 5000),
  row('square', 'autoattack', linf, '5,000 queries', 5000, { bar: 1.5 }),
  row('square', 'torchattacks', linf, '5,000 queries', 5000, { bar: 1.5 }),
  row('apgd-t', 'autoattack', linf, '9 × 100 steps', 100),
  row('apgd-t', 'torchattacks', linf, '9 × 100 steps', 100),
  row('fab-t', 'autoattack', linf, '9 × 100 steps', 100),
  row('fab-t', 'torchattacks', linf, '9 × 100 steps', 100),
  row('standard', 'autoattack', linf, 'as published', 0, { bar: 2 }),
  ...inNorm(autoattackL2, '-l2'),
  ...inNorm(autoattackL1, '-l1'),
]

/** AutoAttack's attacks in another norm. */
function inNorm(threatModel, suffix) {
  return [
    ['apgd-ce', '100 steps', 100],
    ['apgd-dlr', '100 steps', 100],
    ['apgd-t', '9 × 100 steps', 100],
    ['fab-t', '9 × 100 steps', 100],
    ['square', '5,000 queries', 5000],
  ].map(([attack, title, budget]) =>
    row(attack, 'autoattack', threatModel, title, budget, { suffix }),
  )
}

/**
 * @param options `theirBatch`: the batch size of the reference, instead of its fastest; `suffix`:
 * of the name, for a second norm
 */
function row(attack, reference, threatModel, title, budget, options = {}) {
  const { bar, theirBatch, suffix = '' } = options
  const rehearsal =
    attack === 'square' || attack === 'boundary'
      ? { attack, budget: 100 }
      : attack === 'standard'
        ? { attack: 'apgd-ce', budget: 5 }
        : { attack, budget: Math.min(budget, attack.endsWith('-t') || attack === 'spsa' ? 1 : 5) }
  return {
    id: `${attack}${suffix}/${reference}`,
    attack,
    reference,
    threatModel,
    title,
    budget,
    rehearsal,
    theirBatch,
    bar,
  }
}

/** The request for the reference side. */
export function theirRequest({ attack, reference, budget, threatModel }, rest) {
  return { package: reference, attack, budget, ...threatModel, ...rest }
}

/** The request for the robench side. */
export function ourRequest({ attack, budget, threatModel }, rest) {
  return { ...ours[attack](budget), ...threatModel, ...rest }
}
