import { expect, test } from 'vitest'
import { squareSearch } from '../../../../plugins/attacks/square/square-search.ts'
import { linearTask } from '../../../support/linear-task.ts'
import { builtinSearch } from './support.ts'

const options = { queries: 60, restarts: 2, initialFraction: 0.8, rescaleSchedule: true }

test.each(['Linf', 'L2', 'L1'] as const)(
  'finds what the search itself found, at the same cost, in %s',
  async (norm) => {
    const epsilon = { Linf: 0.1, L2: 0.4, L1: 2 }[norm]
    const { task } = await linearTask({ classes: 5, count: 24, size: 36 }, norm, epsilon)
    const { model } = task
    const start = model.passes.forward
    const { fooled } = await squareSearch(task, options)
    const middle = model.passes.forward
    const broken = await (await builtinSearch())(task, options)
    expect(broken).toEqual(fooled)
    expect(new Set(broken)).toEqual(new Set([0, 1]))
    expect(model.passes.forward - middle).toBe(middle - start)
  },
)
