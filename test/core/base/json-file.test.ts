/** What JSON and YAML are refused for, and where. */
import { describe, expect, test } from 'vitest'
import { parseJsonText, parseYamlText } from '../../../core/base/json-file.ts'

describe('JSON', () => {
  test('keys may be repeated in different objects, and texts may hold anything', () => {
    const text = '{"a": {"a": [{"a": 1}, {"a": "}{\\\\\\"[,:1e999"}]}, "b": -1.5e-3, "": {}}'
    expect(parseJsonText(text, 'f')).toEqual(JSON.parse(text))
  })

  test.each([
    ['{"a": 1,\n "b": {"x": 1, "x": 2}}', 'f:2:16: the key "x" is repeated'],
    ['{"x": 1, "\\u0078": 2}', 'f:1:10: the key "x" is repeated'],
    ['{"a": {"__proto__": 1}}', 'f:1:8: the key "__proto__" is not allowed'],
    [
      '{"a": "x\\ud83d\\ude00", "b": ["y\\uD800"]}',
      'f:1:30: the text contains half of a surrogate',
    ],
    ['{"\\udc00": 1}', 'f:1:2: the text contains half of a surrogate pair'],
    ['{"a": "\\ude00\\ud83d"}', 'f:1:7: the text contains half of a surrogate pair'],
    ['["\ud800"]', 'f:1:2: the text contains half of a surrogate pair'],
    ['[1, -1e400]', 'f:1:5: the number -1e400 is too large'],
    ['['.repeat(20_000) + ']'.repeat(20_000), 'f:1:101: nested more than 100 levels deep'],
    ['['.repeat(200_000), 'f:1:1: not valid JSON: nested more than 100 levels deep'],
  ])('refused, case %#', (text, message) => {
    expect(() => parseJsonText(text, 'f')).toThrow(message)
  })

  test('pairs of surrogates are read, and what looks like one', () => {
    const text = '["\\ud83d\\ude00", "\\\\ud800", "😀"]'
    expect(parseJsonText(text, 'f')).toEqual(['😀', '\\ud800', '😀'])
  })

  test('a hundred levels are read', () => {
    const text = '['.repeat(100) + ']'.repeat(100)
    expect(JSON.stringify(parseJsonText(text, 'f'))).toBe(text)
  })
})

describe('YAML', () => {
  test('aliases are read, and keys of different maps may be equal', () => {
    expect(parseYamlText('a: &x {b: 1}\nc: {b: 2, d: *x}', 'f')).toEqual({
      a: { b: 1 },
      c: { b: 2, d: { b: 1 } },
    })
  })

  test.each([
    ['a: 1\nb: 2\na: 3\n', 'f:3:1: the key "a" is repeated'],
    ['a: .inf', 'f:1:4: not valid YAML: the number Infinity has no form in JSON'],
    ['a: !!binary aGk=', 'f:1:13: not valid YAML: a value of type Buffer has no form in JSON'],
    ['a: "\\ud800"', 'f:1:4: not valid YAML: the text contains half of a surrogate pair'],
    ['"\\udc00": 1', 'f:1:1: not valid YAML: the text contains half of a surrogate pair'],
    ['a: &a [*a]', 'f:1:8: not valid YAML: nested more than 100 levels deep'],
    ['[1, 2]: 3\n[1, 2]: 4', 'f:2:1: the key "[1,2]" is repeated'],
    ['a: 1\n---\nb: 2', 'f:2:1: not valid YAML: Source contains multiple documents'],
    [`a: ${'x'.repeat(2 ** 20)}`, 'f: expected at most 1 MiB of YAML'],
    [`a: &a 1\nb: [${'*a,'.repeat(101)}]`, 'f:2:305: not valid YAML: expected at most 100 aliases'],
    // The parser of the package ends the process on this one.
    ['- '.repeat(20_000), 'f:1:399: not valid YAML: nested more than 100 levels deep'],
    [`a: 1\nb: ${'['.repeat(150)}${']'.repeat(150)}`, 'f:2:103: not valid YAML: nested'],
    ['a: 1\nb: !!set {c}', 'f:2:10: not valid YAML: a value of type tag:yaml.org,2002:set'],
  ])('refused, case %#', (text, message) => {
    expect(() => parseYamlText(text, 'f')).toThrow(message)
  })
})
