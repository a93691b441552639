/** The attack `corruption`, run by the host. */
import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { runAttack } from '../../../../core/plugin/host.ts'
import type { AttackRequest } from '../../../../core/plugin/attack-request.ts'
import type { HostedResult } from '../../../../core/plugin/host.ts'
import { resolveOptions } from '../../../../core/plugin/options.ts'

import { gatherRows, tensor } from '../../../../core/engine/tensor/tensor.ts'
import type { FloatTensor } from '../../../../core/engine/tensor/tensor.ts'
import { LinearModel, randomLinearClassifier } from '../../../../core/testing/index.ts'
import { corruption } from '../../../../plugins/attacks/corruption/corruption.ts'
import { corruptionIds } from '../../../../core/threat/corruption-ids.ts'
import { attackRequest, withOptions } from '../../../support/attack-request.ts'
import { predictedLabels } from '../../../support/attack-task.ts'
import { embeddedPictures } from './corruptions/pictures.ts'

const count = 6
const inputs = tensor(
  'float32',
  [count, 3, 32, 32],
  Float32Array.from(embeddedPictures(count).flatMap(({ data }) => Array.from(data))),
)
const model = new LinearModel(randomLinearClassifier([3, 32, 32], 5, 3))
const labels = await predictedLabels(model, inputs)

async function attack(
  options: Readonly<Record<string, unknown>>,
  changes: Partial<AttackRequest> = {},
): Promise<HostedResult> {
  return runAttack(
    await attackRequest({
      model,
      inputs,
      labels,
      threatModel: { norm: 'Linf', epsilon: 0, bounds: [0, 1], transform: { kind: 'corruption' } },
      seed: 1,
      batchSize: 4,
      ...withOptions(corruption, options),
      ...changes,
    }),
  )
}

test.each(corruptionIds)('%s passes all checks and never evaluates the model', async (id) => {
  const result = await attack({ corruption: id, severity: 4 })
  expect(result.adversarial).not.toEqual(inputs)
  expect(result.forwardPasses).toBe(0)
  expect(result.backwardPasses).toBe(0)
})

test('an example is corrupted identically in any batch and order', async () => {
  const options = { corruption: 'elastic-transform', severity: 3 }
  const { adversarial } = await attack(options)
  const order = [5, 2, 0]
  const chosen = Int32Array.from(order, (row) => labels[row]!)
  const shuffled = await attack(options, {
    inputs: gatherRows(inputs, order),
    labels: chosen,
    cleanPredictions: chosen,
    exampleIndices: order,
    batchSize: 1,
  })
  expect(shuffled.adversarial).toEqual(gatherRows(adversarial, order))
})

test('another seed and another severity draw other numbers', async () => {
  const run = async (severity: number, seed: number): Promise<FloatTensor> =>
    (await attack({ corruption: 'motion-blur', severity }, { seed })).adversarial
  expect(await run(1, 1)).toEqual(await run(1, 1))
  expect(await run(1, 2)).not.toEqual(await run(1, 1))
  expect(await run(2, 1)).not.toEqual(await run(1, 1))
})

test('bounds other than 0 and 1 only scale the images', async () => {
  const options = { corruption: 'fog', severity: 2 }
  const { adversarial } = await attack(options)
  const bounds = [-1, 1] as const
  const scaled = tensor(
    'float32',
    inputs.shape,
    inputs.data.map((value) => 2 * value - 1),
  )
  const threatModel = { norm: 'L2', epsilon: 0, bounds, transform: { kind: 'corruption' } } as const
  const result = await attack(options, { inputs: scaled, threatModel })
  const differences = result.adversarial.data.map((value, i) =>
    Math.abs(value - (2 * adversarial.data[i]! - 1)),
  )
  // Both conversions round to float32.
  expect(differences.reduce((most, value) => Math.max(most, value), 0)).toBeLessThan(1e-6)
})

test('the result has 8 bits unless quantize is false', async () => {
  const options = { corruption: 'gaussian-noise', severity: 1 }
  const isByte = (value: number): boolean => Math.fround(Math.round(255 * value) / 255) === value
  const quantized = (await attack(options)).adversarial
  expect(quantized.data.every(isByte)).toBe(true)
  const plain = (await attack({ ...options, quantize: false })).adversarial
  expect(plain.data.every(isByte)).toBe(false)
})

test('an abort stops it between batches', async () => {
  const controller = new AbortController()
  const { signal } = controller
  const run = attack({ corruption: 'zoom-blur', severity: 5 }, { signal, batchSize: 1 })
  await setImmediate()
  controller.abort()
  await expect(run).rejects.toMatchObject({ code: 'ROBENCH_ABORTED' })
})

test('corruption and severity are required and validated', () => {
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
