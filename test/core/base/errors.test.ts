/** Errors are transferred between processes as data; suggestions resemble the input. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ConfigError,
  GraphError,
  RobenchError,
  didYouMean,
  errorCodes,
  fromErrorRecord,
  toErrorRecord,
} from '../../../core/base/errors.ts'

describe('a suggestion', () => {
  test.each([
    ['epsilom', ['epsilon', 'steps'], '; did you mean "epsilon"?'],
    ['Epsilon', ['epsilon', 'steps'], '; did you mean "epsilon"?'],
    ['setps', ['epsilon', 'steps'], '; did you mean "steps"?'],
    ['Relu6', ['Relu', 'Elu'], '; did you mean "Relu"?'],
    ['pdg', ['ddn', 'pgd'], '; did you mean "pgd"?'],
    ['PGD', ['ddn', 'pgd'], '; did you mean "pgd"?'],
    ['linf', ['L2', 'Linf'], '; did you mean "Linf"?'],
    ['cifar100', ['svhn', 'cifar-100', 'cifar10'], '; did you mean "cifar-100"?'],
    ['momentum', ['epsilon', 'steps'], ''],
    ['pgd', [], ''],
    ['', ['pgd'], ''],
  ])('for "%s" among %j is "%s"', (word, candidates, expected) => {
    expect(didYouMean(word, candidates)).toBe(expected)
  })

  test('is always a candidate, and the word itself if it is one', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }),
        fc.array(fc.string({ minLength: 1 })),
        (word, others) => {
          expect(didYouMean(word, [...others, word])).toBe(`; did you mean "${word}"?`)
        },
      ),
    )
  })
})

describe('an error record', () => {
  test('preserves code, class, message and details through JSON', () => {
    const error = new GraphError('ROBENCH_GRAPH', 'Conv "c1": wrong', {
      details: { op: 'Conv', node: 'c1' },
      cause: new Error('x'),
    })
    const record = JSON.parse(JSON.stringify(toErrorRecord(error)))
    expect(record).toEqual({
      code: 'ROBENCH_GRAPH',
      name: 'GraphError',
      message: 'Conv "c1": wrong',
      details: { op: 'Conv', node: 'c1' },
    })
    const back = fromErrorRecord(record)
    expect(back).toBeInstanceOf(RobenchError)
    expect(back.code).toBe('ROBENCH_GRAPH')
    expect(back.message).toBe(error.message)
    expect(toErrorRecord(back).details).toEqual(error.details)
  })

  test('turns other errors into internal errors', () => {
    expect(toErrorRecord(new TypeError('x is undefined'))).toEqual({
      code: 'ROBENCH_INTERNAL',
      name: 'TypeError',
      message: 'x is undefined',
    })
    expect(toErrorRecord('oops')).toEqual({
      code: 'ROBENCH_INTERNAL',
      name: 'Error',
      message: 'oops',
    })
    expect(toErrorRecord(undefined).message).toBe('undefined')
  })
})

test('subclasses carry their own name, code and cause', () => {
  const cause = new Error('inner')
  const error = new ConfigError('ROBENCH_CONFIG', 'suite.json: wrong', { cause })
  expect(error).toBeInstanceOf(Error)
  expect({
    name: error.name,
    code: error.code,
    details: error.details,
    cause: error.cause,
  }).toEqual({ name: 'ConfigError', code: 'ROBENCH_CONFIG', details: {}, cause })
})

test('each code has a description', () => {
  for (const [code, meaning] of Object.entries(errorCodes)) {
    expect(code).toMatch(/^ROBENCH_[A-Z_]+$/)
    expect(meaning.length).toBeGreaterThan(10)
  }
})
