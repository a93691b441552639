/** The diagnostic of amplitude and phase, on changes of which only one part is known to change. */
import { expect, test } from 'vitest'
import { float32 } from '../../../../core/engine/tensor/tensor.ts'
import type { FloatTensor } from '../../../../core/engine/tensor/tensor.ts'
import { LinearModel, randomLinearClassifier } from '../../../../core/testing/index.ts'
import { pgd } from '../../../../plugins/attacks/gradient/pgd.ts'
import { spectralExchange } from '../../../../plugins/attacks/spectral/spectral-exchange.ts'
import { predictedTask, uniformInputs } from '../../../support/attack-task.ts'

const shape = [3, 2, 6, 6] as const
const size = 6
const inputs = uniformInputs([...shape])
const linear = randomLinearClassifier([2, size, size], 3, 7)

/** The exchange with an attack that returns `found`. */
async function exchanged(
  part: 'amplitude' | 'phase',
  found: FloatTensor,
  epsilon = 8 / 255,
): Promise<Float32Array> {
  const model = new LinearModel(linear)
  const threatModel = { norm: 'Linf', epsilon, bounds: [0, 1] } as const
  const task = await predictedTask({ model, inputs, threatModel })
  const result = await spectralExchange.run({
    ...task,
    options: { part, attack: { id: 'pgd', options: {} } },
    inner: { meta: pgd.meta, run: async () => found },
    setupOnce: (_, compute) => compute(),
  })
  return (result as FloatTensor).data
}

/** Every plane moved by one row, with the last row first: the amplitudes stay the same. */
const moved = float32(
  inputs.shape,
  inputs.data.map((_, i) => {
    const within = i % (size * size)
    return inputs.data[i - within + ((within + size * size - size) % (size * size))]!
  }),
)

/** Twice the values: the phases stay the same. */
const doubled = float32(
  inputs.shape,
  inputs.data.map((value) => 2 * value),
)

test('a circular shift is a change of phase only', async () => {
  expect(await exchanged('amplitude', moved)).toBeAllclose(inputs.data, { rtol: 0, atol: 1e-6 })
  expect(await exchanged('phase', moved)).toBeAllclose(moved.data, { rtol: 0, atol: 1e-6 })
})

test('a positive factor is a change of amplitude only, and the result is clipped', async () => {
  const expected = doubled.data.map((value) => Math.min(value, 1))
  expect(await exchanged('amplitude', doubled)).toBeAllclose(expected, { rtol: 0, atol: 1e-6 })
  expect(await exchanged('phase', doubled)).toBeAllclose(inputs.data, { rtol: 0, atol: 1e-6 })
})

test('the attack needs a ball', async () => {
  await expect(exchanged('phase', moved, 0)).rejects.toThrow(
    'spectral-exchange: expected a threat model with an epsilon above 0, got 0',
  )
})
