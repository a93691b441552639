/** The survey of a plan, on linear models whose robustness is known exactly. */
import { expect, test } from 'vitest'
import { RobenchError } from '../../../../core/base/errors.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { surveyModel } from '../../../../core/bench/execute/survey-model.ts'
import type { SurveyRequest } from '../../../../core/bench/execute/survey-model.ts'
import { memoryDataset } from '../../../../core/data/memory-dataset.ts'
import { worstCaseMargin } from '../../../../core/testing/linear-oracle.ts'
import { LinearModel, randomLinearClassifier } from '../../../../core/testing/linear-model.ts'
import type { Model } from '../../../../core/model/model.ts'
import type { ThreatModel } from '../../../../core/threat/threat-model.ts'

const shape = [1, 4, 4] as const
const threatModel: ThreatModel = { norm: 'Linf', epsilon: 0.03, bounds: [0, 1] }
// With two classes, a step of PGD in L∞ goes to the worst corner of the ball.
const classifier = randomLinearClassifier(shape, 2, 0)
const model = new LinearModel(classifier)
const stream = randomStream('survey-model')
const pixels = Float32Array.from({ length: 100 * 16 }, () => stream.uniform())
const { data: logits } = await model.logits({
  dtype: 'float32',
  shape: [100, ...shape],
  data: pixels,
})
const labels = Int32Array.from({ length: 100 }, (_, row) => {
  const likely = logits[2 * row]! >= logits[2 * row + 1]! ? 0 : 1
  return row % 10 === 5 ? 1 - likely : likely
})
const dataset = memoryDataset({
  id: 'data',
  title: 'data',
  split: 'test',
  toy: false,
  classNames: [],
  shape,
  pixels,
  labels,
})
const request: SurveyRequest = {
  model,
  dataset,
  examples: 60,
  threatModel,
  times: { forwardMs: 1e-6, backwardMs: 1e-6 },
  longestMs: 0,
  batchSize: 16,
  timed: { correct: 12, examples: 16 },
  signal: new AbortController().signal,
}

test('the shares are those of the closed form', async () => {
  const robust = Array.from({ length: 60 }, (_, row) => {
    const x = pixels.subarray(row * 16, (row + 1) * 16)
    return row % 10 !== 5 && worstCaseMargin(classifier, threatModel, x, labels[row]!) > 0
  }).filter(Boolean).length
  expect(robust).toBeGreaterThan(10)
  expect(robust).toBeLessThan(50)
  const survey = await surveyModel(request)
  expect(survey).toMatchObject({ examples: 60, correct: 54, robust })
  // Four steps of a quarter of ε reach the corner.
  expect(survey.steps).toBeGreaterThan(1)
  expect(survey.steps).toBeLessThanOrEqual(4)
  expect(survey.pace).toBeGreaterThanOrEqual(1)
  expect(survey.assumed).toBeUndefined()
})

test('the sample shrinks to what the time allows', async () => {
  // 250 ms allow ten times the 22 passes of an example.
  const times = { forwardMs: 250 / 220, backwardMs: 250 / 220 }
  expect(await surveyModel({ ...request, times })).toMatchObject({ examples: 10 })
  // A long run allows more: three percent of it.
  const longestMs = (2 * 250) / 0.03
  expect(await surveyModel({ ...request, times, longestMs })).toMatchObject({ examples: 20 })
})

test.each<[string, Partial<SurveyRequest>]>([
  ['a slow model', { times: { forwardMs: 100, backwardMs: 100 } }],
  ['a model without a gradient', { times: { forwardMs: 1e-6, backwardMs: 0 } }],
  ['a target', { threatModel: { ...threatModel, target: 'next' } }],
  ['limits for each image', { threatModel: { ...threatModel, given: 'box' } }],
  ['L0', { threatModel: { ...threatModel, norm: 'L0', epsilon: 3 } }],
  ['a transform alone', { threatModel: { ...threatModel, epsilon: 0 } }],
])('%s is not attacked: half of the correct examples are assumed robust', async (_, changes) => {
  expect(await surveyModel({ ...request, ...changes })).toEqual({
    examples: 16,
    correct: 12,
    robust: 6,
    steps: 3,
    pace: 1,
    assumed: true,
  })
})

test('a model that fails on the sample is not attacked; an interruption ends the survey', async () => {
  const failing: Model = Object.create(model, {
    logits: {
      value: () => Promise.reject(new RobenchError('ROBENCH_MODEL_OUTPUT', 'logit 0 is NaN')),
    },
  })
  expect(await surveyModel({ ...request, model: failing })).toMatchObject({ assumed: true })
  const signal = AbortSignal.abort()
  await expect(surveyModel({ ...request, signal })).rejects.toMatchObject({
    code: 'ROBENCH_ABORTED',
  })
})
