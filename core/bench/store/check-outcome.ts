/** Checks the outcome of a unit that comes from a file or from another machine. */
import { compileSchema } from '../../base/schema.ts'
import { verdicts } from '../checks/check.ts'
import type { Shard } from '../plan/cell.ts'
import type { UnitOutcome } from './unit-outcome.ts'

const count = { type: 'number', minimum: 0 } as const
const text = { type: 'string' } as const
const outcomes = { type: 'string', pattern: '^[wrb]*$' } as const
const figure = { type: ['number', 'null'] } as const

/** What results are made of: more keys are allowed. */
const outcomeSchema = {
  type: 'object',
  required: ['outcomes', 'forwardPasses', 'backwardPasses', 'elapsedMs'],
  properties: {
    outcomes: { type: 'string', pattern: '^(?:[01]*|[wrb]*)$' },
    forwardPasses: count,
    backwardPasses: count,
    elapsedMs: count,
    stages: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name', 'outcomes'],
        properties: { name: text, outcomes },
      },
    },
    checks: {
      type: 'array',
      items: {
        type: 'object',
        required: ['id', 'title', 'verdict', 'value', 'threshold', 'evidence'],
        properties: {
          id: text,
          title: text,
          verdict: { enum: verdicts },
          value: figure,
          threshold: figure,
          evidence: text,
        },
      },
    },
    breakingEpsilons: { type: 'array', items: { type: ['number', 'null'], minimum: 0 } },
    correct: { type: 'string', pattern: '^[01]*$' },
    draws: {
      type: 'object',
      required: ['count', 'correct'],
      properties: {
        count: { type: 'integer', minimum: 1 },
        correct: { type: 'array', items: { type: 'integer', minimum: 0 } },
      },
    },
    silentSuccesses: { type: 'integer', minimum: 0 },
  },
} as const

/**
 * What is wrong with the outcome of a shard, as a sentence without a subject; undefined if it has
 * the form of one, with one value per example.
 */
export function outcomeProblem(value: unknown, { start, end }: Shard): string | undefined {
  const [problem] = compileSchema(outcomeSchema)(value).problems
  if (problem) return `has an outcome of another form: ${problem.pointer}: ${problem.message}`
  // The schema has been checked.
  const { outcomes: own, stages = [], breakingEpsilons, draws, correct } = value as UnitOutcome
  const lists = [
    own,
    ...stages.map((stage) => stage.outcomes),
    breakingEpsilons ?? own,
    draws?.correct ?? own,
    correct ?? own,
  ]
  if (!lists.every(({ length }) => length === end - start)) {
    return 'does not have one outcome per example'
  }
  const isMore = draws?.correct.some((hits) => hits > draws.count)
  return isMore ? 'has more correct draws of an example than draws' : undefined
}
