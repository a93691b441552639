import { InvalidArgumentError } from 'commander'
import { expect, test } from 'vitest'
import { commandLine, numberList, wholeNumber } from '../../cli/arguments.ts'

test('whole numbers are taken from their least on, anything else is refused', () => {
  expect(wholeNumber(1)('12')).toBe(12)
  for (const text of ['0', '-1', '1.5', 'x', '', ' ', '1e400']) {
    expect(() => wholeNumber(1)(text)).toThrow(InvalidArgumentError)
  }
})

test('lists of numbers', () => {
  expect(numberList('.4914, 0.4822,0.4465')).toEqual([0.4914, 0.4822, 0.4465])
  for (const text of ['', '1,,2', '1;2', '1,x']) {
    expect(() => numberList(text)).toThrow(InvalidArgumentError)
  }
})

test('a command line is one that a shell reads back', () => {
  expect(commandLine(['robench', 'run', 'my suite.json', '--mean', '.1,.2', "it's"])).toBe(
    String.raw`robench run 'my suite.json' --mean .1,.2 'it'\''s'`,
  )
})
