import { expect, test } from 'vitest'
import { randomStream } from '../../../../core/base/random.ts'
import { referenceExamples } from '../../../../core/threat/reference-examples.ts'
import { squareSearch } from '../../../../plugins/attacks/square/square-search.ts'
import { linearCase } from '../../../support/attack-request.ts'
import { builtinSearch } from './support.ts'

const options = { queries: 60, restarts: 2, initialFraction: 0.8, rescaleSchedule: true }

test.each(['Linf', 'L2', 'L1'] as const)(
  'finds what the search itself found, at the same cost, in %s',
  async (norm) => {
    const epsilon = { Linf: 0.1, L2: 0.4, L1: 2 }[norm]
    const threatModel = { norm, epsilon, bounds: [0, 1] } as const
    const { request } = await linearCase({ classes: 5, count: 24, size: 36 }, { threatModel })
    const { model, inputs, labels, batchSize, signal } = request
    const task = {
      model,
      inputs,
      labels,
      threatModel,
      batchSize,
      signal,
      reference: referenceExamples(inputs, labels),
      rng: { stream: (row: number) => randomStream(3, row) },
      progress: () => {},
    }
    const start = model.passes.forward
    const { fooled } = await squareSearch(task, options)
    const middle = model.passes.forward
    const broken = await (await builtinSearch())(task, options)
    expect(broken).toEqual(fooled)
    expect(new Set(broken)).toEqual(new Set([0, 1]))
    expect(model.passes.forward - middle).toBe(middle - start)
  },
)
