/** Safe URLs of links, and errors for missing values. */
import { describe, expect, test } from 'vitest'
import { safeUrl, templateEnvironment, themeFolder } from '../../../reports/theme/templates.ts'

describe('safeUrl', () => {
  test.each([
    'https://arxiv.org/abs/1706.06083',
    'HTTP://example.org',
    'mailto:someone@example.org',
    'entries/a.html#b:c',
    '../a?b=c:d',
    './a:b',
    '#top',
  ])('accepts %s', (address) => {
    expect(safeUrl(address)).toBe(address)
  })

  test.each([
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    ' \u0001javascript:alert(1)',
    'java\nscript:alert(1)',
    'java\tscript\u0000:alert(1)',
    'data:text/html,<script>',
    'vbscript:x',
    'file:///etc/passwd',
    '//example.org/x',
    '\\\\example.org\\x',
    '/\\example.org',
    ':x',
  ])('rejects %j', (address) => {
    expect(safeUrl(address)).toBe('')
  })

  test.each([undefined, null, 7, { toString: () => 'https://example.org' }])(
    'rejects %j, which is not a string',
    (address) => {
      expect(safeUrl(address)).toBe('')
    },
  )
})

test('a missing value throws, and text is escaped', () => {
  const environment = templateEnvironment(themeFolder())
  expect(() => environment.renderString('{{ missing }}', {})).toThrow('null or undefined')
  expect(environment.renderString('{{ text }}', { text: '<b>"&' })).toBe('&lt;b&gt;&quot;&amp;')
})
