/** The minimum-norm attacks on linear classifiers, where the distance of the boundary is known. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { rowOf } from '../../../../core/attack/batch.ts'
import { predictions } from '../../../../core/model/predictions.ts'
import type { AttackPlugin, PluginOptions } from '../../../../core/plugin/contract.ts'
import { runAttack } from '../../../../core/plugin/host.ts'
import type { HostedResult } from '../../../../core/plugin/host.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { float32 } from '../../../../core/engine/tensor/tensor.ts'
import {
  LinearModel,
  randomLinearClassifier,
  worstCaseMargin,
} from '../../../../core/testing/index.ts'
import type { LinearClassifier } from '../../../../core/testing/index.ts'
import { convexNorms } from '../../../support/norms.ts'
import type { Norm, ThreatModel } from '../../../../core/threat/threat-model.ts'
import { distance, verifyInside } from '../../../../core/threat/verify.ts'
import { carliniWagner } from '../../../../plugins/attacks/minimum-norm/carlini-wagner.ts'
import { ddn } from '../../../../plugins/attacks/minimum-norm/ddn.ts'
import { decoupledDirection } from '../../../../plugins/attacks/minimum-norm/decoupled-direction.ts'
import { deepfool } from '../../../../plugins/attacks/minimum-norm/deepfool.ts'
import { fmn } from '../../../../plugins/attacks/minimum-norm/fmn.ts'
import { withOptions } from '../../../support/attack-request.ts'
import { attackTask } from '../../../support/attack-task.ts'

interface Case {
  readonly norm: Norm
  readonly shape: readonly [number, number, number]
  readonly classes: number
  readonly epsilon: number
  readonly seed: number
  readonly bounds?: readonly [number, number]
  /** The central share of the bounds that inputs are drawn from; 1 by default. */
  readonly spread?: number
}

interface Outcome extends HostedResult {
  /** The distance of each adversarial example, divided by the minimum. */
  readonly ratios: readonly number[]
  /** The minimum distance of each example, by bisection; at most `reach`. */
  readonly least: readonly number[]
}

const count = 24
/** Beyond any boundary here, in units of the width. */
const reach: Readonly<Record<Norm, number>> = { Linf: 1, L2: 8, L1: 60, L0: 24 }
/** Float32 changes logits by about 1e-6, and distances are seldom below 1e-3. */
const blur = 1e-3

async function attack(
  situation: Case,
  plugin: AttackPlugin<never>,
  options: PluginOptions = {},
): Promise<Outcome> {
  const { norm, shape, classes, epsilon, seed, bounds = [0, 1], spread = 1 } = situation
  const [low, high] = bounds
  const classifier = centered(randomLinearClassifier(shape, classes, seed), (low + high) / 2)
  const model = new LinearModel(classifier)
  const size = shape[0] * shape[1] * shape[2]
  const stream = randomStream(seed, 'images')
  const pixels = Float32Array.from(
    { length: count * size },
    () => (low + high) / 2 + spread * (high - low) * (stream.uniform() - 0.5),
  )
  const inputs = float32([count, ...shape], pixels)
  const labels = predictions(await model.logits(inputs))
  const threatModel = { norm, epsilon, bounds }
  const result = await runAttack({
    ...withOptions(plugin, options),
    model,
    inputs,
    labels,
    cleanPredictions: labels,
    exampleIndices: Array.from(labels.keys()),
    threatModel,
    seed,
    batchSize: 10,
    signal: new AbortController().signal,
  })
  const least = Array.from(labels, (label, row) =>
    leastDistance(classifier, threatModel, rowOf(inputs, row), label),
  )
  const lengths = least.map((_, row) =>
    distance(norm, rowOf(inputs, row), rowOf(result.adversarial, row)),
  )
  for (const row of labels.keys()) {
    const [x, point] = [rowOf(inputs, row), rowOf(result.adversarial, row)]
    expect(verifyInside(threatModel, x, point)).toBeUndefined()
    expect(lengths[row]).toBeLessThanOrEqual(epsilon)
  }
  const ratios = lengths.map((length, row) => length / least[row]!).filter((ratio) => ratio > 0)
  return { ...result, ratios, least }
}

/** The same weights, with biases that balance the logits of a constant image of that value. */
function centered(classifier: LinearClassifier, middle: number): LinearClassifier {
  // The given classifier is centered on 1/2.
  return { ...classifier, bias: classifier.bias.map((value) => 2 * middle * value) }
}

/** The minimum epsilon with which the example can be broken within the bounds. */
function leastDistance(
  classifier: LinearClassifier,
  { norm, bounds }: ThreatModel,
  x: Float32Array,
  label: number,
): number {
  let low = 0
  let high = reach[norm] * (bounds[1] - bounds[0])
  for (let round = 0; round < 30; round++) {
    const epsilon = (low + high) / 2
    if (worstCaseMargin(classifier, { norm, bounds, epsilon }, x, label) > 0) low = epsilon
    else high = epsilon
  }
  return high
}

describe('with two classes and active bounds', () => {
  const situation = { shape: [1, 6, 8], classes: 2, seed: 3 } as const
  test.each([
    ['fmn', 'Linf', fmn, {}, 1.001],
    ['fmn', 'L2', fmn, {}, 1.002],
    ['fmn', 'L1', fmn, {}, 1.01],
    ['ddn', 'L2', ddn, { steps: 300 }, 1.002],
    ['carlini-wagner', 'Linf', carliniWagner, { steps: 300 }, 1.03],
  ] as const)('%s in %s is within its tolerance of the minimum distance', async (...row) => {
    const [, norm, plugin, options, tolerance] = row
    const found = await attack({ ...situation, norm, epsilon: reach[norm] }, plugin, options)
    expect(found.outcomes).toBe('b'.repeat(count))
    expect(found.ratios).toHaveLength(count)
    expect(Math.min(...found.ratios)).toBeGreaterThan(1 - blur)
    expect(Math.max(...found.ratios)).toBeLessThan(tolerance)
  })

  test('carlini-wagner in L2 is within 1 % for distances longer than a step of Adam', async () => {
    const wide = { ...situation, norm: 'L2', epsilon: reach.L2 } as const
    const { ratios, least, outcomes } = await attack(wide, carliniWagner)
    expect(outcomes).toBe('b'.repeat(count))
    expect(Math.min(...ratios)).toBeGreaterThan(1 - blur)
    // A step of 0.01 in w is at most 0.005 in each of the 48 components, and 0.035 in L2.
    const far = ratios.filter((_, row) => least[row]! > 0.1)
    expect(far.length).toBeGreaterThan(count / 2)
    expect(Math.max(...far)).toBeLessThan(1.01)
    expect(Math.max(...ratios)).toBeLessThan(2)
  })
})

describe.each([2, 4, 10])('with %i classes and the bounds out of reach', (classes) => {
  test.each(['Linf', 'L2'] as const)('deepfool finds the minimum distance in %s', async (norm) => {
    const situation = { norm, shape: [3, 5, 4], classes, seed: 8, spread: 0.2 } as const
    const found = await attack({ ...situation, epsilon: reach[norm] }, deepfool)
    expect(found.outcomes).toBe('b'.repeat(count))
    expect(Math.min(...found.ratios)).toBeGreaterThan(1 - blur)
    // Ten halvings leave a thousandth of the segment.
    expect(Math.max(...found.ratios)).toBeLessThan(1 + 2 * blur)
    const plain = await attack({ ...situation, epsilon: reach[norm] }, deepfool, { halvings: 0 })
    expect(Math.min(...plain.ratios)).toBeGreaterThan(1.019)
    // The push of 10⁻⁴ matters more for smaller margins.
    expect(Math.max(...plain.ratios)).toBeLessThan(1.1)
  })
})

test('with many classes at least half of the points are the nearest', async () => {
  for (const norm of convexNorms) {
    const situation = { norm, shape: [2, 3, 7], classes: 6, seed: 1 } as const
    const { ratios } = await attack({ ...situation, epsilon: reach[norm] }, fmn)
    expect(ratios).toHaveLength(count)
    expect(ratios.toSorted((a, b) => a - b)[count / 2]).toBeLessThan(1.01)
  }
})

test('no point is nearer than the minimum or outside the ball, for any classifier', async () => {
  const situation = fc.record({
    shape: fc.constantFrom<Case['shape']>([1, 3, 8], [3, 4, 2], [2, 5, 5]),
    classes: fc.integer({ min: 2, max: 14 }),
    share: fc.constantFrom(0.01, 0.05, 1),
    bounds: fc.constantFrom<readonly [number, number]>([0, 1], [-2, 2]),
    seed: fc.nat(1e6),
  })
  const property = fc.asyncProperty(situation, async ({ share, ...drawn }) => {
    for (const [plugin, options] of [
      [fmn, { steps: 40 }],
      [ddn, { steps: 40 }],
      [deepfool, { targets: 4 }],
      [carliniWagner, { steps: 30, searchSteps: 5, learningRate: 0.05 }],
    ] as const) {
      for (const norm of plugin.meta.norms) {
        const epsilon = share * reach[norm] * (drawn.bounds[1] - drawn.bounds[0])
        const { outcomes, ratios, least } = await attack(
          { ...drawn, norm, epsilon },
          plugin,
          options,
        )
        for (const ratio of ratios) expect(ratio).toBeGreaterThan(1 - blur)
        const broken = [...outcomes].filter((outcome) => outcome === 'b').length
        expect(ratios).toHaveLength(broken)
        expect(broken).toBeLessThanOrEqual(
          least.filter((length) => length <= epsilon * (1 + blur)).length,
        )
      }
    }
  })
  await fc.assert(property, { numRuns: 6, seed: 1 })
})

test.each(['Linf', 'L2', 'L1'] as const)(
  'a smaller ball of %s only removes adversarial examples',
  async (norm) => {
    const situation = { norm, shape: [1, 4, 6], classes: 3, seed: 5 } as const
    const wide = await attack({ ...situation, epsilon: reach[norm] }, fmn)
    const epsilon = wide.least.toSorted((a, b) => a - b)[count / 2]! * 1.01
    const narrow = await attack({ ...situation, epsilon }, fmn)
    const reached = Array.from(wide.breakingEpsilons!, (length) => (length <= epsilon ? 'b' : 'r'))
    expect(narrow.outcomes).toBe(reached.join(''))
    expect(narrow.outcomes).toContain('r')
    expect(narrow.outcomes).toContain('b')
  },
)

describe('passes', () => {
  const situation = { shape: [1, 4, 6], classes: 4, seed: 6 } as const

  test.each([
    ['deepfool', 'L2', deepfool],
    ['carlini-wagner', 'L2', carliniWagner],
    ['carlini-wagner', 'Linf', carliniWagner],
  ] as const)('of %s in %s stay below the stated cost', async (_, norm, plugin) => {
    const options = plugin === carliniWagner ? { steps: 40 } : {}
    const found = await attack({ ...situation, norm, epsilon: reach[norm] }, plugin, options)
    // Checked against the plugin's own schema.
    const cost = plugin.cost(withOptions(plugin, options).options as never, 4, norm)
    expect(found.backwardPasses).toBeLessThan(count * cost.backward)
    expect(found.forwardPasses).toBeLessThan(count * cost.forward)
  })

  test('are fixed for fmn and ddn', async () => {
    for (const plugin of [fmn, ddn]) {
      const found = await attack({ ...situation, norm: 'L2', epsilon: 8 }, plugin, { steps: 9 })
      expect(found.forwardPasses).toBe(10 * count)
      expect(found.backwardPasses).toBe(9 * count)
    }
  })
})

test('the radius of ddn ends at the farthest corner of the bounds', async () => {
  // Misclassified where the mean of the pixels is above 0.95: at 0.9 along the diagonal, whose
  // corner is at 1.
  class Recorder extends LinearModel {
    readonly radii: number[] = []
    override gradient(...given: Parameters<LinearModel['gradient']>) {
      this.radii.push(distance('L2', inputs.data, given[0].data))
      return super.gradient(...given)
    }
  }
  const inputs = float32([1, 1, 1, 4], [0.5, 0.5, 0.5, 0.5])
  const model = new Recorder({
    inputShape: [1, 1, 4],
    classes: 2,
    weights: Float64Array.of(-1, -1, -1, -1, 0, 0, 0, 0),
    bias: Float64Array.of(3.8, 0),
  })
  const threatModel = { norm: 'L2', epsilon: 1, bounds: [0, 1] } as const
  const task = attackTask({ model, inputs, labels: Int32Array.of(0), threatModel })
  await decoupledDirection(task, { steps: 5, loss: 'margin', radiusChange: 0.5 })
  // From 1, half as much again is 1.5 without the limit, and half of that 0.75 instead of 0.5.
  expect(model.radii).toBeAllclose([0, 1, 0.5, 0.75, 1], { atol: 1e-6, rtol: 0 })
})
