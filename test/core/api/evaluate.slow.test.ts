/** Programs and the command line agree. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { tinyArrays, tinyRequest } from './tiny-request.ts'
import { readPoints } from '../../../core/bench/store/adversarials.ts'
import { evaluate, loadModel } from '../../../core/api/index.ts'
import type { ResultEntry } from '../../../core/bench/result/result.ts'
import {
  faultyPlugins as faulty,
  fixturePlugins,
  robench,
  temporaryFolder,
} from '../../e2e/support/cli.ts'
import { onlyResults, readOnlyResult } from '../../e2e/support/suite.ts'
import { tinyModel, writeTinyProblem } from '../../e2e/support/tiny-problem.ts'

/** The entry of `robench eval` on the tiny problem in a directory. */
async function evalEntry(folder: string, ...words: readonly string[]): Promise<ResultEntry> {
  const data = '--inputs inputs.npy --labels labels.npy --norm Linf --epsilon 16/255 --workers 1'
  const { code, stderr } = await robench(folder, 'eval', 'tiny.onnx', ...data.split(' '), ...words)
  expect(`${code} ${stderr}`).toMatch(/^0 /)
  return readOnlyResult(folder).entries[0]!
}

test('evaluate returns the outcomes, passes and adversarials of robench eval', async () => {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  const attacks = '--attack pgd --attack square --attack apgd-t --option queries=60 --steps 12'
  const run = '--seed 3 --limit 520 --save-adversarial --no-checks'
  const entry = await evalEntry(folder, ...`${attacks} ${run}`.split(' '))

  const { inputs, labels } = tinyArrays(folder)
  const evaluation = await evaluate({
    model: join(folder, 'tiny.onnx'),
    data: { inputs: { data: inputs, shape: [1200, 1, 8, 8] }, labels },
    limit: 520,
    threatModel: { norm: 'Linf', epsilon: '16/255' },
    attacks: [
      { id: 'pgd', options: { steps: 12 } },
      { id: 'square', options: { queries: 60 } },
      { id: 'apgd-t', options: { steps: 12 } },
    ],
    seed: 3,
    checks: false,
  })
  expect(evaluation.clean.outcomes).toBe(entry.cleanOutcomes)
  expect(evaluation.clean.outcomes).toMatch(/01.*10/)
  expect(evaluation.worstCase.accuracy).toBe(entry.worstCaseRobustAccuracy)
  for (const [index, attack] of evaluation.attacks.entries()) {
    const other = entry.attacks[index]!
    if (other.state === 'failed') throw new Error(other.error.message)
    const { outcomes, forwardPasses, backwardPasses, silentSuccesses, options } = attack
    expect({ outcomes, forwardPasses, backwardPasses, silentSuccesses, options }).toEqual({
      outcomes: other.outcomes,
      forwardPasses: other.forwardPasses,
      backwardPasses: other.backwardPasses,
      silentSuccesses: other.silentSuccesses,
      options: other.attack.options,
    })
    expect(attack.robust.accuracy).toBe(other.robustAccuracy)
    expect(outcomes).toMatch(/w.*[rb]/)
  }
  // The files of the run: one per attack.
  const results = onlyResults(folder)
  const saved: string[] = []
  for (const name of readdirSync(results, { recursive: true, encoding: 'utf8' })) {
    if (name.endsWith('.npz')) {
      saved.push(String((await readPoints(join(results, name))).points.data))
    }
  }
  const expected = evaluation.attacks.map(({ adversarial: { data } }) => String(data))
  expect(new Set(saved).size).toBe(3)
  expect(saved.toSorted()).toEqual(expected.toSorted())
})

test('the reliability checks are those of robench eval', async () => {
  const folder = temporaryFolder()
  writeTinyProblem(folder)
  const entry = await evalEntry(folder, '--attack', 'pgd', '--limit', '8')
  const { checks: _, ...request } = tinyRequest(8)
  const { checks } = await evaluate({ ...request, model: join(folder, 'tiny.onnx') })
  expect(checks).toHaveLength(33)
  expect(checks).toEqual(entry.checks)
})

test('a third-party attack has a process of its own, with the same outcomes as in this one', async () => {
  const request = { ...tinyRequest(), plugins: [fixturePlugins], attacks: ['test/noise', 'pgd'] }
  const apart = await evaluate(request)
  expect(apart.attacks[0]!).toMatchObject({ plugin: 'test/noise', forwardPasses: 0, version: 1 })
  const model = await loadModel(tinyModel(), { bounds: [0, 1], layout: 'NCHW' })
  try {
    // A loaded model cannot go to another process.
    expect(await evaluate({ ...request, model })).toEqual(apart)
  } finally {
    await model.dispose()
  }
})

test('a faulty third-party attack ends in an error with its place, and changes nothing here', async () => {
  const request = { ...tinyRequest(), plugins: [faulty] }
  const failing = (id: string): Promise<unknown> => evaluate({ ...request, attacks: [id] })
  await expect(failing('faulty/exits')).rejects.toThrow(
    /attack "faulty\/exits" called process\.exit\(0\).*faulty\/index\.js:\d+:\d+/,
  )
  await expect(failing('faulty/rejects')).rejects.toThrow('nobody waits for this')
  await expect(failing('faulty/patches')).rejects.toThrow()
  expect([1].map((value) => value + 1)).toEqual([2])
  const controller = new AbortController()
  const waiting = evaluate({ ...request, attacks: ['faulty/waits'], signal: controller.signal })
  setTimeout(() => controller.abort(), 500)
  await expect(waiting).rejects.toThrow('interrupted')
})
