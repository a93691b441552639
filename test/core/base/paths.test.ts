/** The package's root, and the user's cache directory with its overrides. */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { cacheFolder, dataFolder, packageRoot } from '../../../core/base/paths.ts'

afterEach(() => vi.unstubAllEnvs())

test('the package root contains package.json', () => {
  expect(existsSync(join(packageRoot(), 'package.json'))).toBe(true)
})

test('without variables, all directories are in ~/.cache/robench', () => {
  for (const name of ['ROBENCH_CACHE', 'ROBENCH_DATA', 'XDG_CACHE_HOME']) vi.stubEnv(name, '')
  expect(cacheFolder()).toBe(join(homedir(), '.cache', 'robench'))
  expect(dataFolder()).toBe(join(homedir(), '.cache', 'robench', 'data'))
})

test('XDG_CACHE_HOME and ROBENCH_CACHE move the cache, ROBENCH_DATA the data', () => {
  vi.stubEnv('ROBENCH_CACHE', '')
  vi.stubEnv('ROBENCH_DATA', '')
  vi.stubEnv('XDG_CACHE_HOME', '/x')
  expect(cacheFolder()).toBe(join(resolve('/x'), 'robench'))
  vi.stubEnv('ROBENCH_CACHE', '/own')
  expect(dataFolder()).toBe(join(resolve('/own'), 'data'))
  vi.stubEnv('ROBENCH_DATA', 'relative')
  expect(dataFolder()).toBe(resolve('relative'))
})
