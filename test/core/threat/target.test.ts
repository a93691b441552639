/** The target of each example. */
import { expect, test } from 'vitest'
import { resolveTargets } from '../../../core/threat/target.ts'

test('targets follow from labels and positions, and must be classes of the model', async () => {
  const request = {
    labels: Int32Array.of(0, 3, 2),
    classes: 4,
    positions: [5, 6, 7],
    leastLikely: async () => Int32Array.of(1, 1, 1),
  }
  expect(await resolveTargets({ ...request, target: 'next' })).toEqual(Int32Array.of(1, 0, 3))
  const random = await resolveTargets({ ...request, target: 'random' })
  random.forEach((target, row) => expect(target).not.toBe(request.labels[row]))
  expect((await resolveTargets({ ...request, positions: [0, 6, 7], target: 'random' }))[1]).toBe(
    random[1],
  )
  await expect(resolveTargets({ ...request, target: 4 })).rejects.toThrow(
    'target: expected a class from 0 to 3, got 4',
  )
  await expect(resolveTargets({ ...request, target: 'given' })).rejects.toThrow(
    'target: "given" needs a file of targets (dataset.targets, or --target FILE)',
  )
})
