/** What a survey makes likely, counted by hand. */
import { expect, test } from 'vitest'
import { expectedWork } from '../../../../core/bench/forecast/expected-passes.ts'
import { surveyFigures, surveyedWork } from '../../../../core/bench/forecast/survey-work.ts'
import type { SurveyedCell } from '../../../../core/bench/forecast/survey-work.ts'

// Of 10 examples, 8 are correct and 2 robust; the others break after 3 steps.
const survey = { examples: 10, correct: 8, robust: 2, steps: 3, pace: 1.5 }
const cell: SurveyedCell = {
  kind: 'attack',
  examples: 100,
  passes: { forward: 2100, backward: 2000 },
  stochastic: false,
  endsWhenBroken: true,
}

test.each<[string, Partial<SurveyedCell>, { forward: number; backward: number }]>([
  ['an attack', {}, { forward: 20 * 21 + 60 * 4, backward: 20 * 20 + 60 * 3 }],
  [
    'an attack of one step',
    { passes: { forward: 200, backward: 100 } },
    { forward: 80 * 2, backward: 80 },
  ],
  [
    'a search without gradients',
    { passes: { forward: 100_000, backward: 0 } },
    { forward: 20 * 1000 + 60 * 100, backward: 0 },
  ],
  ['a search for near points', { endsWhenBroken: false }, { forward: 1680, backward: 1600 }],
  ['a stochastic model', { stochastic: true }, { forward: 1680, backward: 1600 }],
  ['clean predictions', { kind: 'clean' }, { forward: 2100, backward: 2000 }],
  [
    'probes',
    { kind: 'checks' },
    { forward: 2100 * (0.8 * 0.5 + 0.2 * 0.3), backward: 2000 * (0.8 * 0.1 + 0.2 * 0.6) },
  ],
])('%s', (_, changes, { forward, backward }) => {
  const { passes } = surveyedWork({ ...cell, ...changes }, survey)
  expect(passes.forward).toBeCloseTo(forward, 9)
  expect(passes.backward).toBeCloseTo(backward, 9)
})

test('the expected time has its pace, the start of the workers, and the use of the cores', () => {
  const threatModel = { norm: 'Linf', epsilon: 0.1, bounds: [0, 1] } as const
  const { etaMs, mostMs, basis } = expectedWork(
    {
      suite: { id: 's', title: 'S', sha256: '' },
      dataset: { id: 'd', title: 'D', sha256: '', examples: 100, total: 100 },
      folder: '',
      workers: 2,
      slowdown: 2,
      units: 1,
      unitsDone: 0,
      passes: cell.passes,
      etaMs: 1,
      training: [],
      cells: [
        {
          id: 'a',
          defense: 'a',
          threatModel,
          kind: 'attack',
          attack: 'pgd',
          seed: 0,
          units: 1,
          unitsDone: 0,
          examples: 100,
          passes: { forward: 1000, backward: 0 },
          verification: 0,
          model: 'm',
          startMs: 70,
          surveyed: { passes: { forward: 250, backward: 0 }, pace: 1.5 },
          etaMs: 1000,
        },
      ],
    },
    {},
  )
  expect(basis).toBe('survey')
  expect(etaMs).toBe(2 * (70 + 1.5 * 250))
  expect(mostMs).toBe(2 * (70 + 1.5 * 1000))
})

test('several surveys are stated by their range', () => {
  const assumed = { ...survey, robust: 4, examples: 16, assumed: true } as const
  expect(surveyFigures([])).toBeUndefined()
  expect(surveyFigures([survey])).toEqual({ examples: 10, robust: [0.2, 0.2], assumed: false })
  expect(surveyFigures([survey, assumed])).toEqual({
    examples: 10,
    robust: [0.2, 0.25],
    assumed: true,
  })
})
