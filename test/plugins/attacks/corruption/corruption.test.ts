/** The attack corruption, run by the host. */
import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { runAttack } from '../../../../core/plugin/host.ts'
import type { AttackRequest } from '../../../../core/plugin/attack-request.ts'
import { resolveOptions } from '../../../../core/plugin/options.ts'
import { predictions } from '../../../../core/model/predictions.ts'
import { gatherRows, tensor } from '../../../../core/engine/tensor/tensor.ts'
import type { FloatTensor } from '../../../../core/engine/tensor/tensor.ts'
import { LinearModel, randomLinearClassifier } from '../../../../core/testing/index.ts'
import { corruption } from '../../../../plugins/attacks/corruption/corruption.ts'
import { corruptionIds } from '../../../../core/threat/corruption-ids.ts'
import { withOptions } from '../../../support/attack-request.ts'
import { embeddedPictures } from './corruptions/pictures.ts'

const count = 6
const inputs = tensor(
  'float32',
  [count, 3, 32, 32],
  Float32Array.from(embeddedPictures(count).flatMap(({ data }) => Array.from(data))),
)
const model = new LinearModel(randomLinearClassifier([3, 32, 32], 5, 3))
const labels = predictions(await model.logits(inputs))

function request(
  options: Readonly<Record<string, unknown>>,
  changes: Partial<AttackRequest> = {},
): AttackRequest {
  return {
    model,
    inputs,
    labels,
    cleanPredictions: labels,
    exampleIndices: Array.from(labels.keys()),
    threatModel: { norm: 'Linf', epsilon: 0, bounds: [0, 1], transform: { kind: 'corruption' } },
    seed: 1,
    batchSize: 4,
    signal: new AbortController().signal,
    ...withOptions(corruption, options),
    ...changes,
  }
}

test.each(corruptionIds)('%s passes the host’s checks and asks the model nothing', async (id) => {
  const answer = await runAttack(request({ corruption: id, severity: 4 }))
  expect(answer.adversarial).not.toEqual(inputs)
  expect(answer.forwardPasses).toBe(0)
  expect(answer.backwardPasses).toBe(0)
})

test('an example is corrupted alike in every batch, place and order', async () => {
  const options = { corruption: 'elastic-transform', severity: 3 }
  const { adversarial } = await runAttack(request(options))
  const order = [5, 2, 0]
  const chosen = Int32Array.from(order, (row) => labels[row]!)
  const shuffled = await runAttack(
    request(options, {
      inputs: gatherRows(inputs, order),
      labels: chosen,
      cleanPredictions: chosen,
      exampleIndices: order,
      batchSize: 1,
    }),
  )
  expect(shuffled.adversarial).toEqual(gatherRows(adversarial, order))
})

test('another seed, and another severity, draw other numbers', async () => {
  const run = async (severity: number, seed: number): Promise<FloatTensor> =>
    (await runAttack(request({ corruption: 'motion-blur', severity }, { seed }))).adversarial
  expect(await run(1, 1)).toEqual(await run(1, 1))
  expect(await run(1, 2)).not.toEqual(await run(1, 1))
  expect(await run(2, 1)).not.toEqual(await run(1, 1))
})

test('bounds other than 0 and 1 only scale the images', async () => {
  const options = { corruption: 'fog', severity: 2 }
  const { adversarial } = await runAttack(request(options))
  const bounds = [-1, 1] as const
  const scaled = tensor(
    'float32',
    inputs.shape,
    inputs.data.map((value) => 2 * value - 1),
  )
  const threatModel = { norm: 'L2', epsilon: 0, bounds, transform: { kind: 'corruption' } } as const
  const answer = await runAttack(request(options, { inputs: scaled, threatModel }))
  const differences = answer.adversarial.data.map((value, i) =>
    Math.abs(value - (2 * adversarial.data[i]! - 1)),
  )
  // float32 at both ends.
  expect(differences.reduce((most, value) => Math.max(most, value), 0)).toBeLessThan(1e-6)
})

test('it answers in 8 bits, unless told not to', async () => {
  const options = { corruption: 'gaussian-noise', severity: 1 }
  const isByte = (value: number): boolean => Math.fround(Math.round(255 * value) / 255) === value
  const quantized = (await runAttack(request(options))).adversarial
  expect(quantized.data.every(isByte)).toBe(true)
  const plain = (await runAttack(request({ ...options, quantize: false }))).adversarial
  expect(plain.data.every(isByte)).toBe(false)
})

test('it stops between batches when it is aborted', async () => {
  const controller = new AbortController()
  const { signal } = controller
  const run = runAttack(request({ corruption: 'zoom-blur', severity: 5 }, { signal, batchSize: 1 }))
  await setImmediate()
  controller.abort()
  await expect(run).rejects.toMatchObject({ code: 'ROBENCH_ABORTED' })
})

test('corruption and severity must be stated, and be among those there are', () => {
  const resolve = (options: Readonly<Record<string, unknown>>) => () =>
    resolveOptions(corruption.meta, options, 'options')
  expect(resolve({})).toThrow(/corruption/)
  expect(resolve({ corruption: 'rain', severity: 1 })).toThrow(/rain|gaussian-noise/)
  expect(resolve({ corruption: 'fog', severity: 6 })).toThrow(/severity/)
  expect(resolve({ corruption: 'fog', severity: 5 })()).toEqual({
    corruption: 'fog',
    severity: 5,
    quantize: true,
  })
})
