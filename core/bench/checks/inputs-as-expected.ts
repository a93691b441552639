/** Check: no other reading of inputs, outputs, or labels makes the model more accurate. */
import { RobenchError } from '../../base/errors.ts'
import { percent } from '../../base/figures.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import { withDraws } from '../../model/noise.ts'
import { predictions } from '../../model/predictions.ts'
import { countPairs, mcnemarExact } from '../metrics/paired.ts'
import { batchedLogits } from './batched.ts'
import { inputReadings } from './input-readings.ts'
import type { ProbeSession } from './probe-session.ts'
import { defineProbe } from './probe.ts'

/** Least gain in accuracy, and largest p-value of McNemar's test. */
const threshold = 0.1
const significance = 0.01
/** Readings whose accuracies differ by less are equally likely; the first one is named. */
const similar = 0.05
/** Examples per class from which an order of the classes can be recognized, and its accuracy. */
const perClass = 5
const consistent = 0.6

/** A hint, and which examples are classified correctly under that reading. */
interface Trial {
  readonly hint: string
  readonly correct: readonly boolean[]
}

/** The most frequent mistakes of users, each of which a forward pass can recognize. */
export const inputsAsExpected = defineProbe({
  id: 'inputs-as-expected',
  title: 'Inputs and outputs are read as the model expects',
  kind: 'probe',
  always: true,
  raisedIf:
    'another common reading of the same images, outputs, or labels makes the model more accurate ' +
    `by at least ${100 * threshold} points (McNemar's exact test, p < ${significance}): another ` +
    'normalization, range, order of channels or axes, the smallest output as the prediction, ' +
    'shifted labels, or another order of the classes',
  meaning:
    'The model sees images, or is judged by labels, that it was not trained for. Both its clean ' +
    'and its robust accuracy are too low, and comparing them with others is meaningless.',
  whatToDo:
    'Set the normalization, range, or layout that the evidence names, or correct the file, its ' +
    'labels, or its class names.',
  async measure(session) {
    const { sampleLogits, context } = session
    const own = correctOf(predictions(sampleLogits), context.labels)
    const accuracy = shareOf(own)
    const trials = [...outputTrials(session, accuracy), ...(await inputTrials(session))]
    const better = trials.filter(
      ({ correct }) =>
        shareOf(correct) - accuracy >= threshold &&
        mcnemarExact(countPairs(correct, own)) < significance,
    )
    const highest = Math.max(...better.map(({ correct }) => shareOf(correct)))
    const best = better.find(({ correct }) => shareOf(correct) >= highest - similar)
    const measured = `the accuracy on ${own.length} examples is ${percent(accuracy, 1)}`
    return {
      verdict: best ? 'fail' : 'pass',
      value: best ? shareOf(best.correct) - accuracy : 0,
      threshold,
      evidence: best
        ? `${measured}; ${best.hint} it would be ${percent(shareOf(best.correct), 1)}`
        : `${measured}, and no other reading of the images makes it clearly higher`,
    }
  },
})

async function inputTrials({ context }: ProbeSession): Promise<Trial[]> {
  const { inputs, labels, manifest } = context
  const model = withDraws(context.model, 'readings')
  const trials: Trial[] = []
  for (const { hint, apply } of inputReadings(inputs.shape.slice(1), manifest)) {
    try {
      const logits = await batchedLogits({ ...context, model }, apply(inputs))
      trials.push({ hint, correct: correctOf(predictions(logits), labels) })
    } catch (error) {
      // Inputs far outside the range may overflow.
      if (!(error instanceof RobenchError) || error.code !== 'ROBENCH_MODEL_OUTPUT') throw error
    }
  }
  return trials
}

/** Other readings of the same logits. */
function outputTrials(
  { sampleLogits, context: { labels, model } }: ProbeSession,
  accuracy: number,
): Trial[] {
  const predicted = predictions(sampleLogits)
  const smallest = predictions(negated(sampleLogits))
  const order = classOrder(predicted, labels, model.classes)
  const reordered =
    order &&
    correctOf(
      predicted.map((label) => order[label]!),
      labels,
    )
  const isConsistent = reordered && shareOf(reordered) >= Math.max(consistent, 2 * accuracy)
  return [
    { hint: 'with the smallest output as the prediction', correct: correctOf(smallest, labels) },
    {
      hint: 'with labels that start at 0 in place of 1',
      correct: correctOf(
        predicted,
        labels.map((label) => label - 1),
      ),
    },
    {
      hint: 'with labels that are higher by 1',
      correct: correctOf(
        predicted,
        labels.map((label) => label + 1),
      ),
    },
    ...(order && isConsistent
      ? [{ hint: `with the classes in the order ${orderText(order)}`, correct: reordered }]
      : []),
  ]
}

/**
 * For each predicted class the label that it stands for, −1 if it was never predicted: repeatedly
 * the pair that occurs most often among classes and labels that are left. Undefined if there are
 * too few examples.
 */
function classOrder(
  predicted: Int32Array,
  labels: Int32Array,
  classes: number,
): number[] | undefined {
  if (labels.length < perClass * classes) return undefined
  const counts = new Map<number, number>()
  labels.forEach((label, row) => {
    const pair = predicted[row]! * classes + label
    if (label < classes) counts.set(pair, (counts.get(pair) ?? 0) + 1)
  })
  const order = Array.from({ length: classes }, () => -1)
  for (const [pair] of [...counts].toSorted(([, a], [, b]) => b - a)) {
    const [from, label] = [Math.floor(pair / classes), pair % classes]
    if (order[from] === -1 && !order.includes(label)) order[from] = label
  }
  return order
}

function orderText(order: readonly number[]): string {
  return order.map((label) => (label < 0 ? '?' : label)).join(', ')
}

function negated(logits: FloatTensor): FloatTensor {
  return { ...logits, data: logits.data.map((value) => -value) }
}

function correctOf(predicted: Int32Array, labels: Int32Array): boolean[] {
  return Array.from(labels, (label, row) => predicted[row] === label)
}

function shareOf(correct: readonly boolean[]): number {
  return correct.filter(Boolean).length / correct.length
}
