/** The line that installs robench in a new package. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { installLine } from '../../cli/init-command.ts'
import { temporaryFolder } from '../core/data/fixtures.ts'

/** A project in `name`, whose package.json names a tarball that is there. */
function project(root: string, name: string, tarball: string): string {
  const folder = join(root, name)
  mkdirSync(folder, { recursive: true })
  const dependencies = { robench: `file:${tarball}` }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ dependencies }))
  mkdirSync(join(folder, tarball, '..'), { recursive: true })
  writeFileSync(join(folder, tarball), '')
  return folder
}

test.each([
  ['README.md: the clone is beside the project', '../robench/robench-0.1.0.tgz'],
  ['docs/ten-minutes.md: the tarball is above the project', '../robench-0.1.0.tgz'],
])('%s', (_, tarball) => {
  const folder = project(temporaryFolder(), 'board', tarball)
  const line = `npm install --no-save ../${tarball}`
  expect(installLine(join(folder, 'data'), folder)).toBe(line)
  mkdirSync(join(folder, 'inner'))
  expect(installLine(join(folder, 'inner', 'data'), join(folder, 'inner'))).toBe(
    `npm install --no-save ../../${tarball}`,
  )
})

test('in a clone without a tarball, packs it first', () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'package.json'), 'no JSON')
  expect(installLine(join(folder, 'data'), folder)).toMatch(
    /^npm (pack \S+ && npm install --no-save \.\/robench-[\d.]+\.tgz|install --no-save \S+\.tgz)$/,
  )
})
