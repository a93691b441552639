/** Steps on the device of the model: on the CPU, points and outcomes are those of the host. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AttackFindings } from '../../../core/attack/best-adversarial.ts'
import type { AttackTask } from '../../../core/attack/task.ts'
import { g } from '../../../core/engine/graph/graph.ts'
import { toOnnx } from '../../../core/engine/graph/serialize.ts'
import type { Value } from '../../../core/engine/graph/value.ts'
import { float32 } from '../../../core/engine/tensor/tensor.ts'
import type { FloatTensor } from '../../../core/engine/tensor/tensor.ts'
import { delegateModel } from '../../../core/model/delegate.ts'
import { loadModel } from '../../../core/model/load.ts'
import { plainManifest } from '../../../core/model/manifest.ts'
import type { Model } from '../../../core/model/model.ts'
import { predictions } from '../../../core/model/predictions.ts'
import { deviceSteps, stepsOnDevice } from '../../../core/model/step-programs.ts'
import type { OpenSteps, Stepping, SteppingModel } from '../../../core/model/step-programs.ts'
import { autoProjectedGradient } from '../../../plugins/attacks/apgd/auto-projected-gradient.ts'
import { findByProjectedGradient } from '../../../plugins/attacks/gradient/projected-gradient.ts'
import type { ProjectedGradientOptions } from '../../../plugins/attacks/gradient/projected-gradient-options.ts'
import { attackTask, uniformInputs } from '../../support/attack-task.ts'

const count = 12
const shape = [2, 5, 5] as const
type Loaded = Awaited<ReturnType<typeof loadModel>>
let models: Readonly<Record<Stepping, Loaded>>
let inputs: FloatTensor
let labels: Int32Array

/** A convolutional network of three classes with random weights. */
function network(): Uint8Array {
  const draw = (sizes: readonly number[], scale: number): Value => {
    const { data } = uniformInputs(sizes, 'device-steps', ...sizes)
    return g.constant(
      float32(
        sizes,
        data.map((value) => scale * (value - 0.5)),
      ),
    )
  }
  const images = g.input('x', 'float32', ['n', ...shape])
  const hidden = g.relu(g.conv(images, draw([6, 2, 3, 3], 2), draw([6], 1)))
  const pooled = g.reshape(hidden, [-1, 54])
  const logits = g.add(g.matMul(pooled, draw([54, 3], 3)), draw([3], 1))
  return toOnnx({ logits }, [images])
}

beforeAll(async () => {
  const open = (stepping: Stepping): Promise<Loaded> =>
    loadModel(network(), plainManifest, { stepping })
  models = { host: await open('host'), device: await open('device') }
  inputs = uniformInputs([count, ...shape], 'device-steps inputs')
  labels = predictions(await models.host.logits(inputs))
})
afterAll(async () => {
  for (const model of Object.values(models)) await model.dispose()
})

function taskOn(model: Model, changes: Partial<AttackTask> = {}): AttackTask {
  const threatModel = { norm: 'Linf', epsilon: 0.05, bounds: [0, 1] } as const
  return attackTask({ model, inputs, labels, threatModel, batchSize: 5, ...changes })
}

const inL2 = { threatModel: { norm: 'L2', epsilon: 0.2, bounds: [0, 1] } } as const

/** Attacks with both steppings. */
async function both(
  attack: (task: AttackTask) => Promise<AttackFindings>,
  changes: Partial<AttackTask> = {},
): Promise<readonly [host: AttackFindings, device: AttackFindings]> {
  return [await attack(taskOn(models.host, changes)), await attack(taskOn(models.device, changes))]
}

const ascent: ProjectedGradientOptions = {
  steps: 5,
  stepSize: 0.02,
  randomStart: true,
  restarts: 1,
  loss: 'cross-entropy',
  goal: 'untargeted',
  target: 'random',
}

describe('projected gradient ascent', () => {
  test.each<[string, Partial<ProjectedGradientOptions>, Partial<AttackTask>]>([
    ['one step', { steps: 1, randomStart: false }, {}],
    ['restarts, and a schedule', { restarts: 2, stepSchedule: 'cosine' }, {}],
    ['momentum', { momentum: 0.9, loss: 'margin' }, {}],
    ['toward a target', { goal: 'targeted', loss: 'dlr' }, {}],
    ['toward several targets', { goal: 'multi-targeted', targets: 2, steps: 3 }, {}],
    ['beyond the first success', { stopWhenFooled: false }, {}],
    ['L2', { stepSize: 0.05, steps: 3 }, inL2],
  ])('%s', async (_, changes, task) => {
    const [host, device] = await both(
      (own) => findByProjectedGradient(own, { ...ascent, ...changes }),
      task,
    )
    expect(device.fooled).toEqual(host.fooled)
    expect(device.adversarial.data).toEqual(host.adversarial.data)
    expect(device.margins).toEqual(host.margins)
  })

  test('some examples are fooled, and some are not', async () => {
    const [{ fooled }] = await both((task) => findByProjectedGradient(task, ascent))
    const total = fooled.reduce((sum, one) => sum + one, 0)
    expect(total).toBeGreaterThan(0)
    expect(total).toBeLessThan(count)
  })
})

describe('APGD', () => {
  test.each<[string, Parameters<typeof autoProjectedGradient>[1], Partial<AttackTask>]>([
    ['apgd-ce', { steps: 12, restarts: 2, loss: 'cross-entropy' }, {}],
    ['apgd-t', { steps: 6, restarts: 1, loss: 'dlr-targeted', targets: 2 }, {}],
    ['L2', { steps: 3, restarts: 1, loss: 'dlr' }, inL2],
  ])('%s', async (_, options, task) => {
    const [host, device] = await both((own) => autoProjectedGradient(own, options), task)
    expect(device.fooled).toEqual(host.fooled)
    expect(device.adversarial.data).toEqual(host.adversarial.data)
    expect(device.margins).toEqual(host.margins)
  })
})

/** The number of steps in each run of an attack on the device. */
async function runsOf(attack: (task: AttackTask) => Promise<unknown>): Promise<number[]> {
  const runs: number[] = []
  const open = stepsOnDevice(models.device)!
  const counted: OpenSteps = async (definition, steps) => {
    const { precision, run } = await open(definition, steps)
    return {
      precision,
      run(feeds) {
        runs.push(steps)
        return run(feeds)
      },
    }
  }
  const model: SteppingModel = { ...delegateModel(models.device, {}), [deviceSteps]: counted }
  await attack(taskOn(model, { batchSize: count }))
  return runs
}

test('a run takes few steps at first, and 10 once attempts last', async () => {
  const small = { norm: 'Linf', epsilon: 1e-6, bounds: [0, 1] } as const
  const runs = await runsOf((task) =>
    findByProjectedGradient({ ...task, threatModel: small }, { ...ascent, steps: 32 }),
  )
  expect(runs).toEqual([2, 8, 8, 8, 8])
})
