import { InvalidArgumentError } from 'commander'
import { expect, test } from 'vitest'
import { ConfigError } from '../../core/base/errors.ts'
import {
  boundsList,
  commandLine,
  imageSize,
  numberList,
  oneOf,
  pairOf,
  textList,
  wholeNumber,
} from '../../cli/arguments.ts'

test('wholeNumber accepts integers from its minimum and rejects anything else', () => {
  expect(wholeNumber(1)('12')).toBe(12)
  for (const text of ['0', '-1', '1.5', 'x', '', ' ', '1e400']) {
    expect(() => wholeNumber(1)(text)).toThrow(
      new InvalidArgumentError('Expected an integer of at least 1.'),
    )
  }
})

test('wholeNumber has a maximum where one is given', () => {
  expect(wholeNumber(1, 1024)('1024')).toBe(1024)
  expect(() => wholeNumber(1, 1024)('1025')).toThrow(
    new InvalidArgumentError('Expected an integer from 1 to 1024.'),
  )
})

test('numberList accepts comma-separated numbers and fractions, and rejects anything else', () => {
  expect(numberList('.4914, 0.4822,0.4465')).toEqual([0.4914, 0.4822, 0.4465])
  expect(numberList('1/255,2')).toEqual([1 / 255, 2])
  for (const text of ['', '1,,2', '1;2', '1,x', '1/2/3', '1/']) {
    expect(() => numberList(text)).toThrow(
      new InvalidArgumentError(
        'Expected comma-separated numbers or fractions, such as 0.49,0.48,0.45 or 1/255.',
      ),
    )
  }
})

test('boundsList accepts two ascending numbers', () => {
  expect(boundsList('0,255')).toEqual([0, 255])
  expect(boundsList('-1, 1')).toEqual([-1, 1])
  for (const text of ['1,0', '0', '0,0', '0,1,2', 'a,b', '']) {
    expect(() => boundsList(text)).toThrow(
      new InvalidArgumentError('Expected two numbers, the lower one first, such as 0,255.'),
    )
  }
})

test('pairOf and imageSize accept two values', () => {
  expect(pairOf('a,b')('lower.npy, upper.npy')).toEqual(['lower.npy', 'upper.npy'])
  for (const text of ['lower.npy', 'a,b,c', 'a,', '']) {
    expect(() => pairOf('a,b')(text)).toThrow(
      new InvalidArgumentError('Expected two, separated by a comma, such as a,b.'),
    )
  }
  expect(imageSize('224,256')).toEqual([224, 256])
  for (const text of ['224', '0,1', '1.5,2', '1,2,3']) {
    expect(() => imageSize(text)).toThrow(
      new InvalidArgumentError('Expected height and width, such as 224,224.'),
    )
  }
})

test('oneOf accepts its words and suggests one for any other', () => {
  expect(oneOf('--norm', ['Linf', 'L2'])('L2')).toBe('L2')
  expect(() => oneOf('--norm', ['Linf', 'L2'])('linf')).toThrow(
    new ConfigError(
      'ROBENCH_CONFIG',
      '--norm: expected one of Linf, L2; got "linf"; did you mean "Linf"?',
    ),
  )
})

test('textList trims its items and keeps empty ones for the schema to reject', () => {
  expect(textList('4/255, 8/255')).toEqual(['4/255', '8/255'])
  expect(textList('a,,b')).toEqual(['a', '', 'b'])
})

test('commandLine quotes words so that a shell splits the line into the same words', () => {
  expect(commandLine(['robench', 'run', 'my suite.json', '--mean', '.1,.2', "it's"])).toBe(
    String.raw`robench run 'my suite.json' --mean .1,.2 'it'\''s'`,
  )
})
