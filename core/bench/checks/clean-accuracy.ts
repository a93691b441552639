/** Check: the clean accuracy is above chance, and as high as the model's card says. */
import { percent } from '../../base/figures.ts'
import { countCorrect } from '../metrics/accuracy.ts'
import { binomialTail } from '../metrics/clopper-pearson.ts'
import { notApplicable, ofExamples } from './check.ts'
import type { Finding } from './check.ts'
import { defineOutcomeCheck } from './outcome-check.ts'
import type { CheckedEntry } from './outcome-check.ts'

/** Probability below which a count is not put down to chance. */
const significance = 0.01
/** Points below the accuracy of the card from which the check warns. */
const threshold = 0.1

/** An accuracy that no trained model has. */
export const cleanAccuracy = defineOutcomeCheck({
  id: 'clean-accuracy',
  title: 'The clean accuracy is plausible',
  kind: 'outcome-check',
  raisedIf:
    'the number of correctly classified examples is not significantly above chance, and too low ' +
    'for an accuracy halfway between chance and 100 % (exact binomial tests, ' +
    `p < ${significance}); warns if the accuracy is significantly below that on held-out examples ` +
    `of the same data set in the model's card, by more than ${100 * threshold} points`,
  meaning:
    'The model does not see the images that it was trained for, or its outputs do not stand for ' +
    'these labels. Robust accuracy counts misclassified examples as broken, so it means nothing ' +
    'here.',
  whatToDo:
    'Check the normalization (`--mean`, `--std`), the range and the order of axes and channels ' +
    'of the images (`--bounds`, `--layout`), the order of the classes, and which output has the ' +
    'logits (`--output`). The check `inputs-as-expected` tries the usual ones.',
  check({ entry, classes }) {
    const { cleanOutcomes } = entry
    if (cleanOutcomes === undefined || classes === undefined) {
      return notApplicable('the clean outcomes are not known')
    }
    const [correct, total] = [countCorrect(cleanOutcomes), cleanOutcomes.length]
    return compareToChance(correct, total, classes) ?? compareToCard(correct, total, entry)
  },
})

/** Undefined if the accuracy is above chance, or if the examples are too few to tell. */
function compareToChance(correct: number, total: number, classes: number): Finding | undefined {
  const chance = 1 / classes
  const isAbove = binomialTail(correct, total, chance) < significance
  const isLow = 1 - binomialTail(correct + 1, total, (1 + chance) / 2) < significance
  if (isAbove || !isLow) return undefined
  return {
    verdict: 'fail',
    value: correct / total,
    threshold: chance,
    evidence:
      `${ofExamples(correct, total)} are classified correctly, ${percent(correct / total, 1)}; ` +
      `chance is ${percent(chance, 1)}. Suspects: normalization, range, layout, order of the ` +
      'classes, output',
  }
}

function compareToCard(correct: number, total: number, entry: CheckedEntry): Finding {
  const accuracy = correct / total
  const stated = cardAccuracy(entry)
  const measured = `the accuracy is ${percent(accuracy, 1)}`
  if (stated === undefined) {
    return { verdict: 'pass', value: accuracy, threshold: null, evidence: measured }
  }
  const isUnlikely = 1 - binomialTail(correct + 1, total, stated) < significance
  return {
    verdict: stated - accuracy > threshold && isUnlikely ? 'warn' : 'pass',
    value: accuracy,
    threshold: stated - threshold,
    evidence: `${measured} on ${total} examples; the model's card says ${percent(stated, 1)}`,
  }
}

/** The last accuracy on held-out examples in the card, if it was trained on this data set. */
function cardAccuracy({
  defense: { training },
  dataset: { id },
}: CheckedEntry): number | undefined {
  const epochs = training?.['epochs']
  if (training?.['data'] !== id || !Array.isArray(epochs)) return undefined
  const last: unknown = epochs.at(-1)
  const accuracy: unknown =
    typeof last === 'object' && last !== null ? Reflect.get(last, 'validationAccuracy') : undefined
  return typeof accuracy === 'number' ? accuracy : undefined
}
