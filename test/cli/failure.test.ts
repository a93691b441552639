import { statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { reportFailure } from '../../cli/failure.ts'
import { ConfigError } from '../../core/base/errors.ts'

test('a message that repeats a large part of a file is shortened, and cannot control the terminal', () => {
  let text = ''
  const stderr = { write: (part: string) => (text += part) } as unknown as NodeJS.WritableStream
  const error = new ConfigError('ROBENCH_CONFIG', `\u001b[2J${'x'.repeat(50_000)}`)
  expect(reportFailure(error, stderr, { debug: false })).toBe(2)
  expect(text).toContain(` [2J${'x'.repeat(1000)}`)
  expect(text.endsWith('x… (50004 characters in all)\n')).toBe(true)
  expect(text.length).toBeLessThan(20_100)
})

test('an error of the file system is no bug: it names the file and the reason', () => {
  let text = ''
  const stderr = { write: (part: string) => (text += part) } as unknown as NodeJS.WritableStream
  const name = 'x'.repeat(300)
  const failing = (): unknown => {
    try {
      return statSync(name)
    } catch (error) {
      return error
    }
  }
  expect(reportFailure(failing(), stderr, { debug: false })).toBe(2)
  expect(text).toBe(`error: ${name}: name too long (ENAMETOOLONG)\n`)
  text = ''
  expect(reportFailure(new TypeError('x is undefined'), stderr, { debug: false })).toBe(3)
  expect(text).toContain('This is a bug in robench')
})
