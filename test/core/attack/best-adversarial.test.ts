/** The best point: the last misclassified one, or for a stochastic model that of largest margin. */
import { expect, test } from 'vitest'
import { trackBestAdversarial } from '../../../core/attack/best-adversarial.ts'
import { float32 } from '../../../core/engine/tensor/tensor.ts'
import { delegateModel } from '../../../core/model/delegate.ts'
import { LinearModel, randomLinearClassifier } from '../../../core/testing/index.ts'
import { attackTask } from '../../support/attack-task.ts'

const deterministic = new LinearModel(randomLinearClassifier([1, 1, 2], 2, 1))

/** Records points with margins −1, 2, and 1. Returns the point kept and the values returned. */
function recordThree(changes: { stochastic?: boolean }) {
  const task = attackTask({
    model: delegateModel(deterministic, changes),
    inputs: float32([1, 1, 1, 2], [0, 0]),
    labels: Int32Array.of(0),
    threatModel: { norm: 'Linf', epsilon: 1, bounds: [0, 1] },
  })
  const best = trackBestAdversarial(task)
  const finished = [-1, 2, 1].map((margin, i) =>
    best.record(0, Float32Array.of(i / 4, i / 4), Float32Array.of(0, margin)),
  )
  const { adversarial, fooled, margins } = best.findings
  return { finished, point: adversarial.data[0], fooled: fooled[0], margin: margins[0] }
}

test('a misclassified point finishes the example, and the last one is kept', () => {
  expect(recordThree({})).toEqual({
    finished: [false, true, true],
    point: 0.5,
    fooled: 1,
    margin: 1,
  })
})

test('a stochastic model continues, and the largest margin is kept', () => {
  expect(recordThree({ stochastic: true })).toEqual({
    finished: [false, false, false],
    point: 0.25,
    fooled: 1,
    margin: 2,
  })
})
