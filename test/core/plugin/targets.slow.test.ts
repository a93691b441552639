/** Targeted threat models and given limits, against a search of the whole ball. */
import { expect, onTestFinished, test } from 'vitest'
import { tensor } from '../../../core/engine/tensor/tensor.ts'
import type { Model } from '../../../core/model/model.ts'
import { predictions } from '../../../core/model/predictions.ts'
import { runWithLimits } from '../../../core/plugin/given-limits.ts'
import { runAttack } from '../../../core/plugin/host.ts'
import { loadRegistry } from '../../../core/plugin/load.ts'
import { randomLinearClassifier } from '../../../core/testing/index.ts'
import { compiledLinearModel } from '../../../core/testing/compiled-linear-model.ts'
import { attackRequest, withOptions } from '../../support/attack-request.ts'
import { uniformInputs } from '../../support/attack-task.ts'

const registry = await loadRegistry([])
const classes = 4
const count = 16
const epsilon = 0.2

async function openProblem(): Promise<{ model: Model; inputs: ReturnType<typeof uniformInputs> }> {
  const model = await compiledLinearModel(randomLinearClassifier([1, 1, 2], classes, 5))
  onTestFinished(() => model.dispose())
  return { model, inputs: uniformInputs([count, 1, 1, 2], 3, 'targets') }
}

/** Whether a class is predicted somewhere in a box, on a grid of 81 × 81 points. */
async function reaches(
  model: Model,
  target: number,
  lower: readonly number[],
  upper: readonly number[],
): Promise<boolean> {
  const side = 81
  const points = new Float32Array(side * side * 2)
  for (let i = 0; i < side * side; i++) {
    for (const [axis, step] of [i % side, Math.floor(i / side)].entries()) {
      points[2 * i + axis] = lower[axis]! + ((upper[axis]! - lower[axis]!) * step) / (side - 1)
    }
  }
  const logits = await model.logits(tensor('float32', [side * side, 1, 1, 2], points))
  return predictions(logits).includes(target)
}

test.each(['pgd', 'apgd-t', 'fab-t', 'autoattack'])(
  '%s reaches the targets that a search of the whole ball reaches',
  async (id) => {
    const { model, inputs } = await openProblem()
    const threatModel = { norm: 'Linf', epsilon, bounds: [0, 1], target: 'next' } as const
    const request = await attackRequest({ model, inputs, threatModel })
    const short = { version: 'custom', attacks: ['apgd-ce', 'apgd-t'], steps: 20, restarts: 1 }
    const options = { pgd: { restarts: 5, loss: 'margin' }, autoattack: short }[id]
    const chosen = withOptions(await registry.get('attack', id), options ?? {})
    const { outcomes } = await runAttack({ ...request, ...chosen })
    let expected = ''
    for (let row = 0; row < count; row++) {
      const x = [...inputs.data.subarray(2 * row, 2 * row + 2)]
      const target = (request.labels[row]! + 1) % classes
      const lower = x.map((value) => Math.max(0, value - epsilon))
      const upper = x.map((value) => Math.min(1, value + epsilon))
      expected += (await reaches(model, target, lower, upper)) ? 'b' : 'r'
    }
    expect(expected).toContain('b')
    expect(expected).toContain('r')
    expect(outcomes).toBe(expected)
  },
)

test('a box is searched as a whole, and only within it', async () => {
  const { model, inputs } = await openProblem()
  const lower = inputs.data.map((value, i) => Math.max(0, value - (i % 2 === 0 ? 0.3 : 0.02)))
  const upper = inputs.data.map((value, i) => Math.min(1, value + (i % 2 === 0 ? 0.02 : 0.3)))
  const threatModel = { norm: 'Linf', epsilon: 0.3, bounds: [0, 1], given: 'box' } as const
  const request = await attackRequest({ model, inputs, threatModel })
  const chosen = withOptions(await registry.get('attack', 'apgd-t'))
  const found = await runWithLimits({ ...request, ...chosen }, { box: { lower, upper } })
  found.adversarial.data.forEach((value, i) => {
    expect(value >= lower[i]! && value <= upper[i]!).toBe(true)
  })
  let expected = ''
  for (let row = 0; row < count; row++) {
    const [low, high] = [lower, upper].map((values) => [...values.subarray(2 * row, 2 * row + 2)])
    const others = [0, 1, 2, 3].filter((label) => label !== request.labels[row])
    const broken = await Promise.all(others.map((label) => reaches(model, label, low!, high!)))
    expected += broken.includes(true) ? 'b' : 'r'
  }
  expect(expected).toContain('r')
  expect(found.outcomes).toBe(expected)
})

test('with an ε for each example, outcomes are those of each ε', async () => {
  const { model, inputs } = await openProblem()
  const chosen = withOptions(await registry.get('attack', 'pgd'))
  const runAt = async (size: number): Promise<string> => {
    const threatModel = { norm: 'Linf', epsilon: size, bounds: [0, 1] } as const
    const request = await attackRequest({ model, inputs, threatModel })
    return (await runAttack({ ...request, ...chosen })).outcomes
  }
  const [small, large] = [await runAt(0.05), await runAt(0.2)]
  const epsilons = Float64Array.from({ length: count }, (_, row) => (row % 3 === 0 ? 0.05 : 0.2))
  const threatModel = { norm: 'Linf', epsilon: 0.2, bounds: [0, 1], given: 'epsilons' } as const
  const request = await attackRequest({ model, inputs, threatModel })
  const { outcomes } = await runWithLimits({ ...request, ...chosen }, { epsilons })
  expect(outcomes).toBe(
    [...epsilons.keys()].map((row) => (row % 3 === 0 ? small : large)[row]).join(''),
  )
})
