/** Stages: the robust examples after each, and the newly broken ones. */
import { expect, test } from 'vitest'
import { summarizeStages } from '../../reports/stages.ts'
import { fgsm, complete, makeEntry } from './fixture.ts'
import { staged } from './findings-fixture.ts'

test('each stage has robust and newly broken examples; the final prediction finds the rest', () => {
  const attack = staged(makeEntry('a', { clean: 8000, robust: {} }))
  const { stages, foundByHost } = summarizeStages(attack)!
  expect(stages.map(({ name, robust, newlyBroken }) => [name, robust.count, newlyBroken])).toEqual([
    ['apgd-ce', 4100, 3900],
    ['apgd-t', 3980, 120],
    ['fab-t', 3975, 5],
    ['square', 3970, 5],
  ])
  expect(foundByHost).toBe(2)
})

test('an attack without stages has no summary of stages', () => {
  expect(summarizeStages(complete(fgsm, 'wrb'))).toBeUndefined()
  expect(summarizeStages({ ...complete(fgsm, 'wrb'), stages: [] })).toBeUndefined()
})
