/** Which cached model a trained defense uses. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findModelFile } from '../../../../core/bench/execute/models.ts'
import { resolveSuite } from '../../../../core/bench/plan/resolve.ts'
import { checkSuite } from '../../../../core/bench/suite/load.ts'

test('a model that builds on a given file is made again after that file changes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'robench-models-'))
  try {
    const suite = {
      id: 'given',
      title: 'Given file',
      dataset: { id: 'quickstart' },
      threatModels: [{ norm: 'L2', epsilon: 0.5 }],
      defenses: [
        { name: 'around', plugin: 'randomized-smoothing', options: { base: 'base.onnx' } },
        { name: 'alone', plugin: 'randomized-smoothing' },
      ],
      attacks: [{ plugin: 'pgd' }],
    }
    const resolved = await resolveSuite(checkSuite(suite, 'given.json', folder))
    const keys = async (): Promise<(string | undefined)[]> => {
      const found = resolved.defenses.map((defense) =>
        findModelFile(resolved, defense, resolved.threatModels[0]!),
      )
      return (await Promise.all(found)).map(({ cacheKey }) => cacheKey)
    }
    writeFileSync(join(folder, 'base.onnx'), 'one')
    const [first, alone] = await keys()
    expect(await keys()).toEqual([first, alone])
    writeFileSync(join(folder, 'base.onnx'), 'two')
    const [second, aloneAgain] = await keys()
    expect(second).not.toBe(first)
    expect(aloneAgain).toBe(alone)
    writeFileSync(
      join(folder, 'base.onnx.json'),
      JSON.stringify({ manifest: { bounds: [0, 255], layout: 'NCHW' } }),
    )
    expect((await keys())[0]).not.toBe(second)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
