/** Stages attack the examples left, with their own streams and shared targets. */
import { expect, test } from 'vitest'
import { runStages } from '../../../../plugins/attacks/autoattack/ensemble.ts'
import type { Stage } from '../../../../plugins/attacks/autoattack/ensemble.ts'
import { rankTargets } from '../../../../core/attack/ranked-targets.ts'
import { trackBestAdversarial } from '../../../../core/attack/best-adversarial.ts'
import { LinearModel } from '../../../../core/testing/linear-model.ts'
import { delegateModel } from '../../../../core/model/delegate.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { pixelTask } from '../../../support/linear-task.ts'

/** A model whose logits are the pixels. */
const identity = {
  inputShape: [1, 1, 3],
  classes: 3,
  weights: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
  bias: Float64Array.of(0, 0, 0),
} as const

test('for a stochastic model, stages attack all examples for the largest margin', async () => {
  const model = delegateModel(new LinearModel(identity), { stochastic: true })
  const rows = [
    [1, 0.5, 0.25],
    [0.875, 0.25, 0.5],
  ] as const
  const found = await runStages(pixelTask(identity, rows, { epsilon: 1, batchSize: 2, model }), [
    stage('first', ([x]) => (x === 1 ? [0, 1, 0] : [0.25, 0.5, 0]), []),
    stage('second', ([x]) => (x === 1 ? [0.25, 0.5, 0] : [0, 0, 1]), []),
  ])
  expect([...found.brokenBy]).toEqual([0, 0])
  expect([...found.margins]).toEqual([1, 1])
  expect([...found.adversarial.data]).toEqual([0, 1, 0, 0, 0, 1])
})

/** A stage that returns one fixed point per row and records its input. */
function stage(
  name: string,
  pointFor: (x: Float32Array) => readonly number[],
  seen: unknown[],
): Stage {
  return {
    name,
    cost: { forward: 1, backward: 0 },
    targets: 2,
    async run(own, ranked) {
      const best = trackBestAdversarial(own)
      own.labels.forEach((_, row) => {
        const point = Float32Array.from(pointFor(own.inputs.data.subarray(3 * row, 3 * row + 3)))
        best.record(row, point, point)
        seen.push([name, ranked?.[row]?.join(), own.rng.stream(row, 0).bits()])
      })
      own.progress(own.labels.length)
      return best.findings
    },
  }
}

test('a stage gets the examples left, targets ranked once, and its own streams', async () => {
  const rows = [
    [1, 0.5, 0.25],
    [0.875, 0.25, 0.5],
    [0.75, 0.5, 0],
  ] as const
  const reported: (readonly [number, string | undefined])[] = []
  const seen: unknown[] = []
  const work = pixelTask(identity, rows, {
    epsilon: 1,
    batchSize: 2,
    progress: (done, name) => reported.push([done, name]),
  })
  const found = await runStages(work, [
    // Breaks the second example and raises the margin of the others.
    stage('first', ([x]) => (x === 0.875 ? [0, 1, 0] : [0.5, 0.25, 0]), seen),
    // Breaks the third example and raises the margin of the first by less.
    stage('second', ([x]) => (x === 0.75 ? [0, 0, 1] : [0.75, 0.25, 0]), seen),
  ])
  expect([...found.brokenBy]).toEqual([-1, 0, 1])
  expect([...found.fooled]).toEqual([0, 1, 1])
  expect([...found.adversarial.data]).toEqual([0.5, 0.25, 0, 0, 1, 0, 0, 0, 1])
  const bits = (row: number, name: string): number => randomStream(0, row, 0, `${name}/`).bits()
  expect(seen).toEqual([
    ['first', '1,2', bits(0, 'first')],
    ['first', '2,1', bits(1, 'first')],
    ['first', '1,2', bits(2, 'first')],
    ['second', '1,2', bits(0, 'second')],
    ['second', '1,2', bits(2, 'second')],
  ])
  expect(work.model.passes.forward).toBe(3)
  expect(reported).toEqual([
    [0, 'first'],
    [1, 'first'],
    [2, 'second'],
    [3, 'second'],
    [3, undefined],
  ])
})

test('targets are the wrong classes by descending logit, equal logits in class order', async () => {
  const ranked = await rankTargets(
    pixelTask(identity, [
      [1, 0.5, 0.25],
      [1, 0.5, 0.5],
      [1, 0, 0.5],
    ]),
    9,
  )
  expect(ranked.map((targets) => [...targets])).toEqual([
    [1, 2],
    [1, 2],
    [2, 1],
  ])
})
