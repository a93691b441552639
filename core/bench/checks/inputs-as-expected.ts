/** Check: no other reading of inputs, outputs, or labels makes the model more accurate. */
import { RobenchError } from '../../base/errors.ts'
import { countOf, percent } from '../../base/figures.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import { withDraws } from '../../model/noise.ts'
import { predictions } from '../../model/predictions.ts'
import { countPairs, mcnemarExact } from '../metrics/paired.ts'
import { batchedLogits } from './batched.ts'
import { classOrder, classOrderText } from './class-order.ts'
import { inputReadings } from './input-readings.ts'
import type { InputReading } from './input-readings.ts'
import type { ProbeContext } from './probe-context.ts'
import type { ProbeSession } from './probe-session.ts'
import { defineProbe } from './probe.ts'

/** Least gain in accuracy, and largest p-value of McNemar's test. */
const threshold = 0.1
const significance = 0.01
/** Least gain on the sample, and most readings, for a test on further examples. */
const nearThreshold = 0.03
const mostNear = 3
/** Least gain, and largest p-value, on further examples: they are many, so a small gain tells. */
const furtherThreshold = 0.05
const furtherSignificance = 0.001
/** Examples of that test. */
const mostFurther = 448
/** Readings whose accuracies differ by less are equally likely; the first one is named. */
const similar = 0.05

/** Least accuracy of a reading relative to a constant prediction. */
const leastGain = 1.2

/** Forward passes of the test on further examples, all together. */
export const furtherPasses = mostFurther * (1 + mostNear)

/** A hint, and which examples are classified correctly under that reading. */
interface Trial {
  readonly hint: string
  readonly correct: readonly boolean[]
}

/** The same examples as the model's files read them, and under a reading that is better. */
interface Comparison {
  readonly own: readonly boolean[]
  readonly best: Trial
  /** `64 examples` */
  readonly examples: string
}

/** The most frequent mistakes of users, each of which a forward pass can recognize. */
export const inputsAsExpected = defineProbe({
  id: 'inputs-as-expected',
  title: 'Inputs and outputs are read as the model expects',
  kind: 'probe',
  always: true,
  raisedIf:
    'another common reading of the same images, outputs, or labels makes the model more accurate ' +
    `by at least ${100 * threshold} points (McNemar's exact test, p < ${significance}), or, where ` +
    `the sample leaves that open, by at least ${100 * furtherThreshold} points on up to ` +
    `${mostFurther} further examples (p < ${furtherSignificance}): another ` +
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
    const inputs = await inputTrials(context, readingsOf(context))
    const best = bestTrial([...outputTrials(session), ...inputs], own, context.labels, {
      gain: threshold,
      significance,
    })
    const found: Comparison | undefined = best
      ? { own, best, examples: countOf(own.length, 'example') }
      : await compareFurther(context, inputs, own)
    if (!found) {
      return {
        verdict: 'pass',
        value: 0,
        threshold,
        evidence:
          `the accuracy on ${countOf(own.length, 'example')} is ${percent(accuracy, 1)}, and no ` +
          'other reading of the images makes it clearly higher',
      }
    }
    const [now, then] = [shareOf(found.own), shareOf(found.best.correct)]
    return {
      verdict: 'fail',
      value: then - now,
      threshold: best ? threshold : furtherThreshold,
      evidence:
        `the accuracy on ${found.examples} is ${percent(now, 1)}; ${found.best.hint} it would be ` +
        percent(then, 1),
    }
  },
})

/** The first of the readings that are clearly better, and about as good as the best one. */
function bestTrial(
  trials: readonly Trial[],
  own: readonly boolean[],
  labels: Int32Array,
  least: { readonly gain: number; readonly significance: number },
): Trial | undefined {
  const better = trials.filter(
    ({ correct }) =>
      shareOf(correct) - shareOf(own) >= least.gain &&
      tellsClasses(correct, labels) &&
      mcnemarExact(countPairs(correct, own)) < least.significance,
  )
  const highest = Math.max(...better.map(({ correct }) => shareOf(correct)))
  return better.find(({ correct }) => shareOf(correct) >= highest - similar)
}

/**
 * Compares the readings that may be better, by the sample, on further examples alone: those of the
 * sample chose the readings.
 */
async function compareFurther(
  context: ProbeContext,
  trials: readonly Trial[],
  own: readonly boolean[],
): Promise<Comparison | undefined> {
  const near = trials
    .filter(({ correct }) => shareOf(correct) - shareOf(own) >= nearThreshold)
    .toSorted((a, b) => shareOf(b.correct) - shareOf(a.correct))
    .slice(0, mostNear)
    .map(({ hint }) => hint)
  const further = near.length > 0 ? context.further?.(mostFurther) : undefined
  if (!further || further.labels.length === 0) return undefined
  const { labels } = further
  const on = { ...context, ...further }
  const model = withDraws(context.model, 'further')
  const before = correctOf(predictions(await batchedLogits({ ...on, model }, on.inputs)), labels)
  const readings = readingsOf(context).filter(({ hint }) => near.includes(hint))
  const best = bestTrial(await inputTrials(on, readings), before, labels, {
    gain: furtherThreshold,
    significance: furtherSignificance,
  })
  return best && { own: before, best, examples: countOf(labels.length, 'further example') }
}

function readingsOf({ inputs, manifest }: ProbeContext): InputReading[] {
  return inputReadings(inputs.shape.slice(1), manifest)
}

async function inputTrials(
  context: ProbeContext,
  readings: readonly InputReading[],
): Promise<Trial[]> {
  const { inputs, labels } = context
  const model = withDraws(context.model, 'readings')
  const trials: Trial[] = []
  for (const { hint, apply } of readings) {
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
