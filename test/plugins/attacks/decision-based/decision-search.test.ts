/** Decision-based attacks approach the exact distance on linear classifiers. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { rowOf } from '../../../../core/attack/batch.ts'
import { boundaryWalk } from '../../../../plugins/attacks/decision-based/boundary-walk.ts'
import { decisionSearch } from '../../../../plugins/attacks/decision-based/decision-search.ts'
import type { DecisionFindings } from '../../../../plugins/attacks/decision-based/decision-search.ts'
import {
  approachBoundary,
  findStart,
} from '../../../../plugins/attacks/decision-based/decision-start.ts'
import { hopSkipJumpSearch } from '../../../../plugins/attacks/decision-based/hop-skip-jump-search.ts'
import type { AttackTask } from '../../../../core/attack/task.ts'
import type { Model } from '../../../../core/model/model.ts'
import { predictedClass, predictions } from '../../../../core/model/predictions.ts'
import { tensor } from '../../../../core/engine/tensor/tensor.ts'
import { distance } from '../../../../core/threat/verify.ts'
import { nextUp } from '../../../../core/threat/rounding.ts'
import { linearTask } from '../../../support/linear-task.ts'

type Attack = (task: AttackTask, queries: number) => Promise<DecisionFindings>

const hopSkipJump: Attack = (task, queries) =>
  hopSkipJumpSearch(task, { queries, initialSamples: Math.min(100, queries / 20) })
const boundary: Attack = (task, queries) =>
  boundaryWalk(task, { queries, sphericalStep: 0.01, sourceStep: 0.01, stepAdaptation: 1.5 })

/** The model with changed logits. */
function withLogits(model: Model, change: (logits: Float32Array) => ArrayLike<number>): Model {
  return {
    ...model,
    inputShape: model.inputShape,
    logits: async (inputs) => {
      const logits = await model.logits(inputs)
      const data = logits.data.slice()
      for (let row = 0; row < logits.shape[0]!; row++) {
        data.set(change(rowOf(logits, row)), row * model.classes)
      }
      return tensor('float32', logits.shape, data)
    },
  }
}

describe.each([
  // Two classes have one flat boundary, so only samples and steps limit the accuracy.
  ['hop-skip-jump', 'L2', 5000, 1.03, hopSkipJump],
  ['hop-skip-jump', 'Linf', 5000, 1.05, hopSkipJump],
  ['boundary', 'L2', 12000, 1.02, boundary],
] as const)('%s in %s with %i queries', (_, norm, queries, tolerance, attack) => {
  test(`finds points within ${tolerance} times the exact distance, never nearer`, async () => {
    const { task, distances } = await linearTask({ classes: 2, count: 12, size: 48 }, norm)
    const found = await attack(task, queries)
    found.distances.forEach((away, row) => {
      expect(away / distances[row]!).toBeGreaterThan(1 - 1e-4)
      expect(away / distances[row]!).toBeLessThan(tolerance)
    })
    expect(new Set(found.queries)).toEqual(new Set([queries]))
  })
})

describe.each([
  ['hop-skip-jump', 'L2', hopSkipJump],
  ['hop-skip-jump', 'Linf', hopSkipJump],
  ['boundary', 'L2', boundary],
] as const)('%s in %s', (_, norm, attack) => {
  const shape = { classes: 6, count: 6, size: 12 }
  const queries = 400

  test('returns the nearest misclassified point within ε, or else the input', async () => {
    const epsilon = norm === 'Linf' ? 0.07 : 0.2
    const { task } = await linearTask({ ...shape, count: 20 }, norm, epsilon)
    const { adversarial, distances } = await attack(task, queries)
    const judged = predictions(await task.model.logits(adversarial))
    let within = 0
    distances.forEach((away, row) => {
      const measured = distance(norm, rowOf(task.inputs, row), rowOf(adversarial, row))
      expect(measured).toBe(away <= epsilon ? away : 0)
      expect(judged[row] !== task.labels[row]).toBe(away <= epsilon)
      if (away <= epsilon) within += 1
    })
    expect(within).toBeGreaterThan(2)
    expect(within).toBeLessThan(18)
  })

  test('gives the same bytes if logits contain the predicted class only', async () => {
    const { task } = await linearTask(shape, norm)
    const model = withLogits(task.model, (logits) => {
      const best = predictedClass(logits)
      return Float32Array.from(logits, (__, k) => (k === best ? 1 : 0))
    })
    expect(await attack({ ...task, model }, queries)).toEqual(await attack(task, queries))
  })

  test('gives the same bytes for logits scaled by a positive factor and shifted', async () => {
    const { task } = await linearTask(shape, norm)
    const plain = await attack(task, queries)
    const factor = fc.double({ min: 1e-6, max: 1e6, noNaN: true })
    const shift = fc.double({ min: -100, max: 100, noNaN: true })
    await fc.assert(
      fc.asyncProperty(factor, shift, async (scale, offset) => {
        const model = withLogits(task.model, (logits) => {
          const changed = logits.map((logit) => scale * logit + offset)
          // Rounding may make the largest two equal.
          const best = predictedClass(logits)
          if (predictedClass(changed) !== best) changed[best] = nextUp(Math.max(...changed))
          return changed
        })
        expect(await attack({ ...task, model }, queries)).toEqual(plain)
      }),
      { numRuns: 5 },
    )
  })

  test('returns the inputs if no other class is ever predicted', async () => {
    const { task } = await linearTask(shape, norm)
    const label = task.labels[0]!
    const model = withLogits(task.model, (logits) =>
      Float32Array.from(logits, (__, k) => (k === label ? 1 : 0)),
    )
    const alike = { ...task, model, labels: task.labels.map(() => label) }
    const { adversarial, distances, queries: taken } = await attack(alike, 40)
    expect(adversarial).toEqual(task.inputs)
    expect(new Set(distances)).toEqual(new Set([Infinity]))
    expect(new Set(taken)).toEqual(new Set([40]))
  })
})

test('if no noise is misclassified, the search starts at the nearest other example', async () => {
  const { task } = await linearTask({ classes: 3, count: 30, size: 12 }, 'L2')
  const examples = Array.from(task.labels.keys(), (row) => rowOf(task.inputs, row))
  // Correct for the examples; every other point is of class 0.
  const model: Model = {
    ...task.model,
    inputShape: task.model.inputShape,
    logits: async (inputs) => {
      const count = inputs.shape[0]!
      const data = new Float32Array(count * 3)
      for (let place = 0; place < count; place++) {
        const known = examples.findIndex(
          (example) => distance('L2', example, rowOf(inputs, place)) === 0,
        )
        data[place * 3 + (known < 0 ? 0 : task.labels[known]!)] = 1
      }
      return tensor('float32', [count, 3], data)
    },
  }
  const starts: Float32Array[] = []
  const own = task.labels.indexOf(0)
  const queries = await decisionSearch({ ...task, model }, 1000, function* (example) {
    if (example.label === 0) starts.push((yield* findStart(example)).slice())
  })
  const others = examples
    .filter((__, row) => task.labels[row] !== 0)
    .toSorted((a, b) => distance('L2', examples[own]!, a) - distance('L2', examples[own]!, b))
  expect(starts[0]).toEqual(others[0])
  expect(queries.queries[own]).toBe(26)
})

test.each(['L2', 'Linf'] as const)('%s: the bisection ends at the boundary', async (norm) => {
  const { task } = await linearTask({ classes: 2, count: 10, size: 12 }, norm)
  const ends = new Float32Array(task.inputs.data.length)
  let row = 0
  await decisionSearch({ ...task, batchSize: 1 }, 1000, function* (example) {
    const start = yield* findStart(example)
    ends.set(yield* approachBoundary(example, start, 1e-5), 12 * row)
    row += 1
  })
  const logits = await task.model.logits(tensor('float32', task.inputs.shape, ends))
  task.labels.forEach((label, place) => {
    const margin = rowOf(logits, place)[1 - label]! - rowOf(logits, place)[label]!
    // Clean margins are about 5, and the bisection ends at 1e-5 of the initial distance.
    expect(margin).toBeGreaterThan(0)
    expect(margin).toBeLessThan(1e-3)
  })
})
