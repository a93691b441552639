/** Errors of plugins are named with package, file, and line, and their messages are bounded. */
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { PluginError, RunError } from '../../../core/base/errors.ts'
import {
  blamePlugin,
  cutText,
  placeInStack,
  placeOfFunction,
  reasonOf,
} from '../../../core/plugin/blame.ts'

const here = fileURLToPath(import.meta.url)
const folders = [dirname(here)]

test('the innermost position in the folders counts, and node_modules only if there is no other', () => {
  const stack = [
    'Error: at nowhere (/acme/fake.js:1:1)',
    '    at Object.run (file:///host/core/host.js:4:5)',
    '    at deep (/acme/node_modules/dep/index.js:7:8)',
    '    at async run (file:///acme/src/a%20b.js:9:10)',
    '    at async /acme/src/index.js:11:12',
  ].join('\n')
  expect(placeInStack(stack, ['/acme'])).toBe('/acme/src/a b.js:9:10')
  expect(placeInStack(stack, ['/acme/node_modules'])).toBe('/acme/node_modules/dep/index.js:7:8')
  expect(placeInStack(stack, ['/ac'])).toBe(undefined)
})

test('anything thrown has a message, and a long one is cut', () => {
  const hostile = new Error('x')
  Object.defineProperty(hostile, 'message', {
    get() {
      throw new Error('no')
    },
  })
  expect(reasonOf(hostile)).toBe('a value without a message')
  expect(reasonOf(Object.create(null))).toBe('a value without a message')
  expect(reasonOf(Symbol('s'))).toBe('Symbol(s)')
  expect(reasonOf(undefined)).toBe('undefined')
  expect(reasonOf(new Error('y'.repeat(5e6)))).toBe(
    `${'y'.repeat(2000)}… (5000000 characters, cut)`,
  )
  expect(cutText('abc', 3)).toBe('abc')
})

test('a function is found where it is defined', () => {
  const place = placeOfFunction(blamePlugin)
  expect(place?.file).toContain('core/plugin/blame.ts')
  expect(place!.line).toBeGreaterThan(1)
  expect(placeOfFunction(Math.max)).toBe(undefined)
  expect(placeOfFunction(3)).toBe(undefined)
})

test("only a plugin's errors get a position", () => {
  const cause = new Error('boom')
  const error = new PluginError('ROBENCH_PLUGIN_FAILED', 'attack a failed: boom', { cause })
  const { code, message, details } = blamePlugin(error, { package: 'acme', folders })
  expect(code).toBe('ROBENCH_PLUGIN_FAILED')
  expect(message).toMatch(/^attack a failed: boom \(package "acme", .*\/blame\.test\.ts:\d+:\d+\)$/)
  expect(details).toMatchObject({ pluginPackage: 'acme' })
  const elsewhere = new RunError('ROBENCH_STORE', 'disk full')
  expect(blamePlugin(elsewhere, { package: 'acme', folders: ['/acme'] }).message).toBe('disk full')
  // A defect of robench stays one unless it was thrown through the plugin.
  const defect = new TypeError('x is undefined')
  expect(blamePlugin(defect, { package: 'acme', folders: ['/acme'] }).code).toBe('ROBENCH_INTERNAL')
  expect(blamePlugin(defect, { package: 'acme', folders }).code).toBe('ROBENCH_PLUGIN_FAILED')
})
