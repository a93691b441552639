/** Check: no other reading of inputs, outputs, or labels makes the model more accurate. */
import { RobenchError } from '../../base/errors.ts'
import { percent } from '../../base/figures.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import { withDraws } from '../../model/noise.ts'
import { predictions } from '../../model/predictions.ts'
import { countPairs, mcnemarExact } from '../metrics/paired.ts'
import { batchedLogits } from './batched.ts'
import { classOrder, classOrderText } from './class-order.ts'
import { inputReadings } from './input-readings.ts'
import type { ProbeSession } from './probe-session.ts'
import { defineProbe } from './probe.ts'

/** Least gain in accuracy, and largest p-value of McNemar's test. */
const threshold = 0.1
const significance = 0.01
/** Readings whose accuracies differ by less are equally likely; the first one is named. */
const similar = 0.05

/** Least accuracy of a reading relative to a constant prediction. */
const leastGain = 1.2

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
    const trials = [...outputTrials(session), ...(await inputTrials(session))]
    const better = trials.filter(
      ({ correct }) =>
        shareOf(correct) - accuracy >= threshold &&
        tellsClasses(correct, context.labels) &&
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
function outputTrials({ sampleLogits, context: { labels, rng } }: ProbeSession): Trial[] {
  const predicted = predictions(sampleLogits)
  const smallest = predictions(negated(sampleLogits))
  const order = classOrder(predicted, labels, rng.stream(0, 0, 'class-order'))
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
    ...(order
      ? [
          {
            hint: `with labels in the order of the model's classes (${classOrderText(order)})`,
            correct: Array.from(labels, (label, row) => order.get(label) === predicted[row]),
          },
        ]
      : []),
  ]
}

/**
 * Whether a reading does better on the labels that occur than a constant prediction, whose mean
 * accuracy over k labels is 1/k.
 */
function tellsClasses(correct: readonly boolean[], labels: Int32Array): boolean {
  const found = new Map<number, { right: number; all: number }>()
  labels.forEach((label, row) => {
    const counts = found.get(label) ?? { right: 0, all: 0 }
    counts.all += 1
    if (correct[row]) counts.right += 1
    found.set(label, counts)
  })
  const shares = [...found.values()].map(({ right, all }) => right / all)
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length
  return shares.length === 1 || mean * shares.length > leastGain
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
