/** Features of suites: matrices, curves, transforms, surrogates, wrappers, and checks. */
import { expect, test } from 'vitest'
import type { CompletedAttack, ResultEntry } from '../../core/bench/result/result.ts'
import { robench, temporaryFolder, writeJson } from './support/cli.ts'
import { readOnlyResult, testSuite } from './support/suite.ts'
import { writeTinyProblem } from './support/tiny-problem.ts'

/** Runs a suite on the tiny problem. Returns the entries of its result. */
async function run(suite: unknown): Promise<readonly ResultEntry[]> {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  writeJson(folder, 'suite.json', suite)
  const { code, stderr } = await robench(folder, 'run', 'suite.json')
  expect(stderr).not.toContain('error')
  expect(code).toBe(0)
  return readOnlyResult(folder).entries
}

/** A completed attack of an entry, by name. */
function attackOf(entry: ResultEntry | undefined, name: string): CompletedAttack {
  const found = entry?.attacks.find(({ attack }) => attack.name === name)
  if (found?.state !== 'completed') throw new Error(`no completed attack "${name}"`)
  return found
}

test('a matrix yields one attack per combination', async () => {
  const [entry] = await run(
    testSuite([{ plugin: 'pgd', matrix: { steps: [1, 3], loss: ['margin', 'dlr'] } } as never]),
  )
  expect(entry?.attacks.map(({ attack }) => [attack.name, attack.options['steps']])).toEqual([
    ['pgd-1-margin', 1],
    ['pgd-1-dlr', 1],
    ['pgd-3-margin', 3],
    ['pgd-3-dlr', 3],
  ])
})

test('curves decrease with epsilon, for attacks per ball and minimum-norm attacks', async () => {
  const threatModels = [{ norm: 'Linf', epsilon: '8/255', curve: ['2/255', '16/255', '32/255'] }]
  const [entry] = await run(
    testSuite([{ plugin: 'pgd', options: { steps: 5 } }, { plugin: 'fmn' }], { threatModels }),
  )
  for (const name of ['pgd', 'fmn']) {
    const { curve, robustAccuracy } = attackOf(entry, name)
    expect(curve?.epsilons).toEqual([2 / 255, 8 / 255, 16 / 255, 32 / 255])
    const accuracies = curve!.robustAccuracies
    expect(accuracies).toEqual(accuracies.toSorted((a, b) => b - a))
    expect(accuracies[1]).toBe(robustAccuracy)
    expect(accuracies[3]).toBeLessThan(accuracies[0]!)
  }
})

test('attributes, amplitudes, and corruptions are threat models', async () => {
  const attribute = { kind: 'attribute', ranges: { rotation: [-20, 20], brightness: [-0.2, 0.2] } }
  const [semantic] = await run(
    testSuite([{ plugin: 'spatial' }], {
      threatModels: [{ norm: 'Linf', transform: attribute }],
    }),
  )
  expect(semantic?.threatModel.transform).toEqual(attribute)
  expect(attackOf(semantic, 'spatial').robustAccuracy).toBeLessThan(semantic!.cleanAccuracy)
  const [amplitude] = await run(
    testSuite([{ plugin: 'amplitude-mix' }], {
      threatModels: [{ norm: 'Linf', transform: { kind: 'amplitude', mix: 0.5, scale: 0.2 } }],
    }),
  )
  expect(attackOf(amplitude, 'amplitude-mix').robustAccuracy).toBeLessThan(amplitude!.cleanAccuracy)
  const [corrupted] = await run(
    testSuite([{ plugin: 'corruption', options: { corruption: 'contrast', severity: 5 } }], {
      threatModels: [{ norm: 'Linf', transform: { kind: 'corruption' } }],
    }),
  )
  const { corrupted: seen, outcomes } = attackOf(corrupted, 'corruption')
  expect(seen?.correct).toHaveLength(outcomes.length)
})

test('a wrapper runs the attack that it names, and a surrogate is not evaluated', async () => {
  const file = { plugin: 'test/file', options: { path: 'tiny.onnx' } }
  const entries = await run(
    testSuite(
      [
        { plugin: 'eot', options: { samples: 2, attack: { id: 'pgd', options: { steps: 2 } } } },
        { plugin: 'transfer', options: { attack: { id: 'fgsm', options: {} } } },
        { plugin: 'fgsm' },
      ],
      {
        defenses: [
          { name: 'tiny', ...file },
          { name: 'twin', ...file, role: 'surrogate' },
        ],
      },
    ),
  )
  expect(entries.map(({ defense }) => defense.name)).toEqual(['tiny'])
  const [entry] = entries
  expect(attackOf(entry, 'eot').attack.options['attack']).toMatchObject({ id: 'pgd', version: 1 })
  // The twin is the same model, so an example that breaks it breaks the target.
  expect(attackOf(entry, 'transfer').outcomes).toBe(attackOf(entry, 'fgsm').outcomes)
})

test('the result contains probes and outcome checks', async () => {
  const suite = testSuite([{ plugin: 'pgd', options: { loss: 'margin' } }], { checks: true })
  const [entry] = await run(suite)
  const ids = entry?.checks?.map(({ id }) => id)
  expect(ids).toContain('gradient-available')
  expect(ids).toContain('no-silent-success')
})
