/** Every dependency that users install has its reason in docs/architecture.md. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../../core/base/paths.ts'

const read = (path: string): string => readFileSync(join(packageRoot(), path), 'utf8')

test('the table of dependencies lists those of package.json, in order', () => {
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: object }
  const [, section = ''] = read('docs/architecture.md').split('## Dependencies\n')
  const cells = section.split('\n## ')[0]!.matchAll(/^\| (`[^|]*`) \|/gm)
  const listed = [...cells].flatMap(([, names = '']) => names.match(/[^`, ]+/g) ?? [])
  expect(listed.toSorted()).toEqual(Object.keys(dependencies).toSorted())
})

test('the workflow of CI audits what users install', () => {
  expect(read('.github/workflows/ci.yml')).toContain('npm audit --omit dev')
})
