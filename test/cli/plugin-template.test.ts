/** The files of new packages. That they work is in test/e2e/third-party.slow.test.ts. */
import { expect, test } from 'vitest'
import { packageTemplate, templateKinds } from '../../cli/plugin-template.ts'

test.each(templateKinds)('%s: every file is filled in, in both languages', (kind) => {
  for (const js of [true, false]) {
    const { name, files } = packageTemplate({ kind, name: 'acme/my-own', js })
    expect(name).toBe(`robench-${kind === 'dataset' ? 'dataset' : 'plugin'}-acme-my-own`)
    expect(Object.keys(files)).toEqual(
      expect.arrayContaining(['package.json', 'README.md', 'test/conformance.test.js']),
    )
    expect(Object.keys(files).includes('tsconfig.json')).toBe(!js)
    expect(Object.keys(files).some((path) => path.endsWith('.ts'))).toBe(!js)
    for (const [path, text] of Object.entries(files)) {
      expect(text.endsWith('\n')).toBe(true)
      expect(text.replaceAll('${{ matrix', '')).not.toContain('{{')
      if (js && path.endsWith('.js')) expect(text).not.toMatch(/: (number|string|Uint8Array)\b/)
      if (path.endsWith('.json')) expect(JSON.parse(text)).toBeTypeOf('object')
    }
  }
})

test.each(['blur', 'Acme/blur', 'acme/', 'acme/blur/x', '../x', 'acme/3d', 'acme/a_b'])(
  'the name %s is refused',
  (name) => {
    expect(() => packageTemplate({ kind: 'attack', name, js: true })).toThrow(
      `expected author/name, such as acme/blur, in lowercase letters, digits, and hyphens, got "${name}"`,
    )
  },
)
