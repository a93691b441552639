/** Every dependency that users install has its reason in docs/architecture.md. */
import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../../core/base/paths.ts'
import { sourceFiles } from './layers.ts'

const read = (path: string): string => readFileSync(join(packageRoot(), path), 'utf8')

test('the table of dependencies lists those of package.json, in order', () => {
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: object }
  const [, section = ''] = read('docs/architecture.md').split('## Dependencies\n')
  const cells = section.split('\n## ')[0]!.matchAll(/^\| (`[^|]*`) \|/gm)
  const listed = [...cells].flatMap(([, names = '']) => names.match(/[^`, ]+/g) ?? [])
  expect(listed.toSorted()).toEqual(Object.keys(dependencies).toSorted())
})

test('the source imports only packages that users install', () => {
  const { dependencies, peerDependencies } = JSON.parse(read('package.json')) as {
    readonly dependencies: object
    readonly peerDependencies: object
  }
  const installed = new Set(Object.keys({ ...dependencies, ...peerDependencies }))
  // What a package imports: `from 'x'`, `import 'x'`, and `import('x')`, at any depth of `x`.
  const bare = /\b(?:from|import|import\() ?'((?:@[\w-]+\/)?[a-z][\w.-]*)(?:\/[^']*)?'\)?(?:\)|$)/gm
  const missing = sourceFiles()
    .filter((file) => !file.startsWith('core/testing/'))
    .flatMap((file) =>
      [...read(file).matchAll(bare)]
        .map(([, name]) => name!)
        .filter((name) => !isBuiltin(name) && !installed.has(name))
        .map((name) => `${file}: ${name}`),
    )
  expect(missing).toEqual([])
})

test('the workflow of CI audits what users install', () => {
  expect(read('.github/workflows/ci.yml')).toContain('npm audit --omit dev')
})
