/** The graph of a phase agrees with PyTorch's optimizers and with steps computed by hand. */
import { expect, test } from 'vitest'
import { g } from '../../../core/engine/graph/graph.ts'
import { Session } from '../../../core/engine/graph/session.ts'
import {
  float32,
  int64,
  type FloatTensor,
  type Tensor,
} from '../../../core/engine/tensor/tensor.ts'
import type { Value } from '../../../core/engine/graph/value.ts'
import { ones } from '../../../core/training/initializers.ts'
import type { Module } from '../../../core/training/module.ts'
import { adam, adamW, sgd, type Optimizer } from '../../../core/training/optimizer.ts'
import {
  definePhase,
  type OptimizationStep,
  type ParameterGroup,
} from '../../../core/training/phase.ts'
import { phaseGraph } from '../../../core/training/phase-graph.ts'
import { ParameterStore } from '../../../core/training/scope.ts'
import { TrainingState } from '../../../core/training/training-state.ts'

/** A module that is its only parameter, `[3]`. */
function vector(name: string, initial: readonly number[]): Module<[], Value> {
  return {
    name,
    build: (scope) => scope.parameter('w', [initial.length], (values) => values.set(initial)),
  }
}

const start = [1, -2, 0.5]
const w = vector('w', start)

function groupOf(
  optimizer: Optimizer,
  changes: Partial<ParameterGroup> = {},
  module: Module = w,
): ParameterGroup {
  return { name: module.name, modules: [module], optimizer, rate: 0.1, ...changes }
}

/** w·(1, 2, −3) + ½‖w‖², whose gradient is (1, 2, −3) + w. */
const bowl: OptimizationStep['loss'] = (m) => {
  const value = m.apply(w, [])
  const slope = g.floats([3], [1, 2, -3])
  const square = g.mul(g.mul(value, value), 0.5)
  return { loss: g.reduceSum(g.add(g.mul(value, slope), square), [0]) }
}

interface Ran {
  readonly state: ReadonlyMap<string, FloatTensor>
  readonly outputs: Readonly<Record<string, Tensor>>
}

/** Runs the steps as one phase, several times. */
async function run(
  steps: readonly OptimizationStep[],
  times = 1,
  averaged: readonly ParameterGroup[] = [],
  scalars: Readonly<Record<string, number>> = {},
): Promise<Ran> {
  const phase = definePhase({ name: 'test', inputs: {}, prepare: () => ({}), steps })
  const graph = phaseGraph(phase, new ParameterStore(1), { batch: 2, averaged })
  const session = await Session.compile(graph.outputs, graph.inputs)
  const state = new TrainingState(new ParameterStore(1), [graph])
  const rates = steps.flatMap(({ updates }) => updates.map(({ name, rate }) => [name, rate]))
  let outputs: Record<string, Tensor> = {}
  for (let k = 0; k < times; k++) {
    outputs = await session.run({
      ...Object.fromEntries(state.tensors),
      ...Object.fromEntries(rates.map(([name, rate]) => [`rate/${name}`, scalar(Number(rate))])),
      ...Object.fromEntries(Object.entries(scalars).map(([key, value]) => [key, scalar(value)])),
      labels: int64([2], [0, 1]),
    })
    state.update(outputs)
  }
  await session.release()
  return { state: state.tensors, outputs }
}

function scalar(value: number): FloatTensor {
  return float32([], [value])
}

// Three steps of PyTorch 2.15 on the same loss with lr 0.1 and weight_decay 0.01; betas (0.5, 0.9).
test.each([
  [
    'SGD with Nesterov momentum',
    sgd({ momentum: 0.9, weightDecay: 0.01, nesterov: true }),
    [-0.3495664, -1.98657143, 2.17520785],
  ],
  ['Adam', adam({ betas: [0.5, 0.9], weightDecay: 0.01 }), [0.70274329, -2.02286029, 0.79782873]],
  ['AdamW', adamW({ betas: [0.5, 0.9], weightDecay: 0.01 }), [0.70005929, -1.99283028, 0.79607105]],
] as const)('%s agrees with PyTorch', async (_, optimizer, expected) => {
  const { state } = await run([{ updates: [groupOf(optimizer)], loss: bowl }], 3)
  expect(state.get('parameter/w/w')!.data).toBeAllclose(expected, { rtol: 1e-5, atol: 1e-6 })
  expect(state.get('count/w')!.data[0]).toBe(3)
})

test('a step sees the parameters that an earlier step of the phase has updated', async () => {
  const step = { updates: [groupOf(sgd())], loss: bowl }
  const { state, outputs } = await run([step, step])
  // w ← w − 0.1·(s + w), twice.
  const slope = [1, 2, -3]
  const once = start.map((value, i) => value - 0.1 * (slope[i]! + value))
  const twice = once.map((value, i) => value - 0.1 * (slope[i]! + value))
  expect(state.get('parameter/w/w')!.data).toBeAllclose(twice, { atol: 1e-6 })
  // The report is the first step's: (1 − 4 − 1.5) + ½·(1 + 4 + 0.25).
  expect(outputs['loss']!.data[0]).toBeCloseTo(-1.875, 6)
})

test('an ascending step increases its loss', async () => {
  const step = { updates: [groupOf(sgd())], direction: 'ascend', loss: bowl } as const
  const { state } = await run([step])
  expect(state.get('parameter/w/w')!.data).toBeAllclose([1.2, -2, 0.25], { atol: 1e-6 })
})

test('clipping limits the norm of the group’s gradient', async () => {
  const group = groupOf(sgd(), { clipNorm: 1 })
  const { state } = await run([{ updates: [group], loss: bowl }])
  // The gradient (2, 0, −2.5) has norm √10.25.
  const norm = Math.sqrt(10.25)
  const expected = [1 - 0.2 / norm, -2, 0.5 + 0.25 / norm]
  expect(state.get('parameter/w/w')!.data).toBeAllclose(expected, { rtol: 1e-5, atol: 1e-6 })
})

test('weights are perturbed along the gradient before the step, and restored after it', async () => {
  const gamma = 0.5
  const step = {
    updates: [groupOf(sgd())],
    weightPerturbation: { gamma },
    loss: bowl,
  } as const
  const { state } = await run([step], 1, [], { 'perturbation/0': gamma })
  const slope = [1, 2, -3].map((value, i) => value + start[i]!)
  const ratio = (gamma * Math.hypot(...start)) / Math.hypot(...slope)
  const expected = start.map((value, i) => {
    const perturbed = value + ratio * slope[i]!
    return value - 0.1 * ([1, 2, -3][i]! + perturbed)
  })
  expect(state.get('parameter/w/w')!.data).toBeAllclose(expected, { rtol: 1e-5, atol: 1e-6 })
  const off = await run([step], 1, [], { 'perturbation/0': 0 })
  expect(off.state.get('parameter/w/w')!.data).toBeAllclose([0.8, -2, 0.75], { atol: 1e-6 })
})

test('an exponential average follows the updated weights', async () => {
  const group = groupOf(sgd(), { averaging: { kind: 'ema', decay: 0.9 } })
  const { state } = await run([{ updates: [group], loss: bowl }], 1, [group], { 'decay/w': 0.75 })
  const expected = [0.75 * 1 + 0.25 * 0.8, -2, 0.75 * 0.5 + 0.25 * 0.75]
  expect(state.get('average/w/w')!.data).toBeAllclose(expected, { atol: 1e-6 })
})

test('a stochastic weight average is the mean over epochs after its start', () => {
  const group = groupOf(sgd(), { averaging: { kind: 'swa', from: 0.5 } })
  const phase = definePhase({
    name: 'test',
    inputs: {},
    prepare: () => ({}),
    steps: [{ updates: [group], loss: bowl }],
  })
  const store = new ParameterStore(1)
  const state = new TrainingState(store, [phaseGraph(phase, store, { batch: 2 })])
  const averageAfter = (progress: number, value: number): Float32Array => {
    state.update({ 'new/parameter/w/w': float32([3], [value, value, value]) })
    state.endEpoch(progress)
    return state.averaged.get('parameter/w/w')!.data
  }
  // Until then the model has the current weights.
  expect(averageAfter(0.5, 1)[0]).toBe(1)
  expect(averageAfter(0.75, 4)[0]).toBe(4)
  expect(averageAfter(1, 10)[0]).toBe(7)
  expect(state.tensors.get('averaged/w')!.data[0]).toBe(2)
})

test('no gradient passes through a detached value', async () => {
  const loss: OptimizationStep['loss'] = (m) => {
    const value = m.apply(w, [])
    const teacher = g.mul(value, 1)
    return { loss: g.reduceSum(g.mul(value, teacher), [0]), detached: [teacher] }
  }
  const { state } = await run([{ updates: [groupOf(sgd())], loss }])
  // The gradient is the teacher, w, not 2w.
  const expected = start.map((value) => 0.9 * value)
  expect(state.get('parameter/w/w')!.data).toBeAllclose(expected, { atol: 1e-6 })
})

test('groups are updated apart, each with its own optimizer and rate', async () => {
  const v = vector('v', [2, 2, 2])
  const loss: OptimizationStep['loss'] = (m) => ({
    loss: g.reduceSum(g.mul(m.apply(w, []), m.apply(v, [])), [0]),
  })
  const first = groupOf(sgd())
  const second = groupOf(adam(), { rate: 0.01 }, v)
  const { state } = await run([{ updates: [first, second], loss }])
  expect(state.get('parameter/w/w')!.data).toBeAllclose([0.8, -2.2, 0.3], { atol: 1e-6 })
  // Adam's first step has the length of the rate, against the sign of the gradient w.
  expect(state.get('parameter/v/w')!.data).toBeAllclose([1.99, 2.01, 1.99], { atol: 1e-5 })
  // What no step updates stays as it is.
  const one = await run([{ updates: [second], loss }])
  expect(one.state.get('parameter/w/w')!.data).toEqual(Float32Array.from(start))
  expect(Object.keys(one.outputs)).not.toContain('new/parameter/w/w')
})

test('a step that updates an unused group is refused', () => {
  const unused = groupOf(sgd(), {}, vector('unused', [1]))
  const phase = definePhase({
    name: 'main',
    inputs: {},
    prepare: () => ({}),
    steps: [{ updates: [unused], loss: bowl }],
  })
  expect(() => phaseGraph(phase, new ParameterStore(1), { batch: 2 })).toThrow(
    'phase "main": the loss does not use the parameters of group "unused", which the step ' +
      'updates; apply one of its modules',
  )
})

test('two modules of one name are refused', () => {
  const other: Module<[], Value> = { name: 'w', build: (scope) => scope.parameter('u', [3], ones) }
  const phase = definePhase({
    name: 'main',
    inputs: {},
    prepare: () => ({}),
    steps: [
      {
        updates: [groupOf(sgd())],
        loss: (m) => ({ loss: g.reduceSum(g.add(m.apply(w, []), m.apply(other, [])), [0]) }),
      },
    ],
  })
  expect(() => phaseGraph(phase, new ParameterStore(1), { batch: 2 })).toThrow(
    'two modules are named "w"; rename one of them',
  )
})
