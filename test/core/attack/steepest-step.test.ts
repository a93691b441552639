/** Steps in the steepest direction, computed by hand. */
import { expect, test } from 'vitest'
import { steepestStep } from '../../../core/attack/steepest-step.ts'
import type { Norm } from '../../../core/threat/threat-model.ts'

function step(norm: Norm, gradient: readonly number[], momentum = 0, velocity = [0, 0, 0]) {
  const output = new Float64Array(3)
  const accumulated = Float64Array.from(velocity)
  steepestStep(norm, {
    point: Float32Array.of(0.5, 0.5, 0.5),
    gradient: Float32Array.from(gradient),
    velocity: accumulated,
    momentum,
    length: 0.25,
    output,
  })
  return { output: [...output], velocity: [...accumulated] }
}

test('Linf moves each component by the step size, unless its gradient is zero', () => {
  expect(step('Linf', [3, -1e-30, 0]).output).toEqual([0.75, 0.25, 0.5])
})

test('L2 moves by the step size along the gradient', () => {
  expect(step('L2', [3, -4, 0]).output).toBeAllclose([0.65, 0.3, 0.5])
})

test('L1 moves only the component with the largest gradient', () => {
  expect(step('L1', [3, -4, 4]).output).toEqual([0.5, 0.25, 0.5])
})

test('a gradient of zero moves nothing', () => {
  expect(step('Linf', [0, 0, 0]).output).toEqual([0.5, 0.5, 0.5])
  expect(step('L2', [0, 0, 0]).output).toEqual([0.5, 0.5, 0.5])
  expect(step('L1', [0, 0, 0]).output).toEqual([0.5, 0.5, 0.5])
  expect(step('L2', [0, 0, 0], 1).output).toEqual([0.5, 0.5, 0.5])
})

test('momentum adds the gradient divided by its L1 norm to the decayed velocity', () => {
  const { output, velocity } = step('Linf', [2, -1, 1], 0.5, [-1, 1, 0])
  expect(velocity).toEqual([0, 0.25, 0.25])
  expect(output).toEqual([0.5, 0.75, 0.75])
})
