/** Check: the gradient predicts how the logits change with the input. */
import { rowOf, stackPoints } from '../../attack/batch.ts'
import { targetedMargin } from '../../model/losses.ts'
import { targetedAttackLosses } from '../../attack/attack-loss.ts'
import { predictedClass } from '../../model/predictions.ts'
import type { Norm } from '../../threat/threat-model.ts'
import { distance } from '../../threat/verify.ts'
import type { RandomStream } from '../../base/random.ts'
import { batchedGradient, batchedLogits } from './batched.ts'
import { significant } from '../../base/figures.ts'
import { notApplicable } from './check.ts'
import type { ProbeSession } from './probe-session.ts'
import { defineProbe } from './probe.ts'

const directions = 8
/** Forward passes per example: one with the gradient, two per direction. */
export const differencePasses = 1 + 2 * directions
/** Length of a direction, in ε. */
const reach = 0.1
const failBelow = 0.5
const warnBelow = 0.8

/** Measured and predicted changes of the margin of one example, one per direction. */
interface Rises {
  readonly measured: readonly number[]
  readonly predicted: readonly number[]
}

/** A gradient that disagrees with finite differences misleads attacks. */
export const gradientMatchesDifferences = defineProbe({
  id: 'gradient-matches-differences',
  title: 'The gradient agrees with finite differences',
  kind: 'probe',
  raisedIf:
    'the median cosine between measured and predicted changes of the margin, along ' +
    `${directions} random directions of length ${reach} ε, is below ${warnBelow}; fails below ` +
    failBelow,
  meaning:
    'The loss does not rise along the gradient. The function is shattered by fine steps ' +
    'or jumps, or a custom backward pass is wrong. Attacks that follow the gradient are misled.',
  whatToDo:
    'Attack without gradients (`square`, `spsa`, `nes`), which average over such steps, or use ' +
    '`bpda` through the component that shatters them.',
  async measure(session) {
    if (await session.noGradient()) return notApplicable('there is no gradient at all')
    if (session.model.stochastic) {
      return notApplicable(
        'finite differences of a stochastic model do not approximate its gradient',
      )
    }
    const cosines = (await rises(session)).map(cosine).toSorted((a, b) => a - b)
    const median = cosines[Math.floor(cosines.length / 2)]!
    return {
      verdict: median < failBelow ? 'fail' : median < warnBelow ? 'warn' : 'pass',
      value: median,
      threshold: warnBelow,
      evidence:
        `the median cosine between predicted and measured changes is ${significant(median)} (1: ` +
        'the gradient is right; 0: it is uninformative)',
    }
  },
})

/**
 * Changes of z_t − z_y, with t the runner-up class, by central differences and by the gradient. The
 * center is the input, moved away from the bounds by the length of a direction. Cost per example:
 * one gradient, and two forward passes per direction.
 */
async function rises(session: ProbeSession): Promise<Rises[]> {
  const { inputs, labels, logits, context } = session
  const { norm, epsilon, bounds } = session.threatModel
  const shape = inputs.shape.slice(1)
  const length = reach * epsilon
  const targets = labels.map((label, row) => runnerUp(rowOf(logits, row), label))
  const centers = Array.from(labels, (_, row) => {
    const most = norm === 'Linf' ? length : 0
    return session
      .example(row)
      .map((value) => Math.min(Math.max(value, bounds[0] + most), bounds[1] - most))
  })
  const { gradient } = await batchedGradient(
    context,
    stackPoints(centers, shape),
    labels,
    targetedMargin,
    targets,
  )
  const rises: Rises[] = []
  for (const [row, center] of centers.entries()) {
    const stream = session.stream(row, 'directions')
    const ways = Array.from({ length: directions }, () =>
      drawDirection(norm, stream, center.length, length),
    )
    const ahead = ways.map((way) => center.map((value, i) => value + way[i]!))
    const behind = ways.map((way) => center.map((value, i) => value - way[i]!))
    const found = await batchedLogits(context, stackPoints([...ahead, ...behind], shape))
    const rise = (place: number): number =>
      targetedAttackLosses['targeted-margin'].value(
        rowOf(found, place),
        labels[row]!,
        targets[row]!,
      )
    rises.push({
      measured: ways.map((_, place) => rise(place) - rise(place + directions)),
      predicted: ways.map((_, place) => {
        let sum = 0
        const slope = rowOf(gradient, row)
        for (let i = 0; i < center.length; i++)
          sum += slope[i]! * (ahead[place]![i]! - behind[place]![i]!)
        return sum
      }),
    })
  }
  return rises
}

/** A vector of this length in the norm; in Linf every component has this absolute value. */
function drawDirection(
  norm: Norm,
  stream: RandomStream,
  size: number,
  length: number,
): Float64Array {
  if (norm === 'Linf') {
    return Float64Array.from({ length: size }, () => (stream.integer(2) === 0 ? length : -length))
  }
  const way = Float64Array.from({ length: size }, () => stream.normal())
  const scale = length / distance(norm, new Float64Array(size), way)
  return way.map((value) => scale * value)
}

function runnerUp(logits: Float32Array, label: number): number {
  return predictedClass(logits.map((value, i) => (i === label ? -Infinity : value)))
}

function cosine({ measured, predicted }: Rises): number {
  let product = 0
  let a = 0
  let b = 0
  measured.forEach((value, i) => {
    product += value * predicted[i]!
    a += value * value
    b += predicted[i]! * predicted[i]!
  })
  if (a === 0 && b === 0) return 1
  return a === 0 || b === 0 ? 0 : product / Math.sqrt(a * b)
}
