/** A sample of an entry on CIFAR-10 runs again: true outcomes hold, one forged outcome is found. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../../core/base/paths.ts'
import { attackExamples, predictExamples } from '../../core/api/program/attack-examples.ts'
import { chooseAttack } from '../../core/bench/plan/resolve-attacks.ts'
import { loadDataset } from '../../core/data/load.ts'
import { describeExamples } from '../../core/data/model-fit.ts'
import { loadModel } from '../../core/model/load.ts'
import { readModelFile } from '../../core/model/model-files.ts'
import { loadRegistry } from '../../core/plugin/load.ts'
import { robustAccuracy } from '../../core/bench/metrics/accuracy.ts'
import { checkSample } from '../../leaderboard/check-sample.ts'
import { hashEntry } from '../../leaderboard/entry-check.ts'
import { packOutcomes } from '../../leaderboard/packed-outcomes.ts'
import { entryOutcomes } from '../../leaderboard/entry-outcomes.ts'
import type { LeaderboardEntry } from '../../leaderboard/entry-type.ts'
import { makeEntry } from '../reports/fixture.ts'
import { boardResult, uncheckedEntry } from './fixture.ts'

const model = join(packageRoot(), 'models', 'cifar10-pgd-at.onnx')
let entry: LeaderboardEntry

beforeAll(async () => {
  const dataset = await loadDataset({ id: 'cifar10' }, { split: 'test' })
  const file = await readModelFile(model, 'model')
  const opened = await loadModel(file.bytes, file.card.manifest, { inputShape: dataset.shape })
  const chosen = await chooseAttack(await loadRegistry(), { plugin: 'fgsm', options: {} }, '')
  const examples = { ...describeExamples(dataset), count: dataset.count, rows: dataset.rows }
  const signal = new AbortController().signal
  const work = { model: opened, examples, count: dataset.count, batchSize: 100, signal }
  const clean = await predictExamples(work)
  const threatModel = { norm: 'Linf', epsilon: 8 / 255, bounds: [0, 1] } as const
  const attack = { name: 'fgsm', chosen, surrogates: [], clean, threatModel, seed: 0 }
  const { outcomes } = await attackExamples(work, attack, () => {})
  await opened.dispose()
  // The fixture's first attack, with the outcomes of a real one.
  const made = makeEntry('pgd-at', { clean: 9000, robust: { fgsm: 100 } })
  const [fgsm] = boardResult([made]).entries[0]!.attacks
  entry = uncheckedEntry({
    ...made,
    defense: {
      ...made.defense,
      model: { sha256: file.card.sha256, bytes: file.bytes.length, parameters: 307_984 },
    },
    cleanOutcomes: clean,
    cleanAccuracy: clean.replaceAll('0', '').length / clean.length,
    attacks: [
      { ...fgsm!, outcomes, robustAccuracy: robustAccuracy(outcomes) } as typeof fgsm & object,
    ],
    worstCaseRobustAccuracy: robustAccuracy(outcomes),
    checks: [],
  })
})

function check(of: LeaderboardEntry, sample: number) {
  const signal = new AbortController().signal
  return checkSample(of, 'e.json', { sample, seed: 3, model, device: 'cpu', threads: 1, signal })
}

test('true outcomes hold, and the record names the entry', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'robench-check-'))
  try {
    const { report, check: record } = await check(entry, 32)
    expect(report.differences).toEqual([])
    expect(report.outcomes).toBe(64)
    expect(report.held).toBeGreaterThanOrEqual(16)
    const { held } = report
    expect(record).toMatchObject({ entry: hashEntry(entry), sample: 32, outcomes: 64, held })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('forged outcomes are found, and nothing is recorded', async () => {
  const [outcomes] = entryOutcomes(entry)
  // Every broken example is stated as robust.
  const forged = packOutcomes(outcomes!.replaceAll('b', 'r'))
  const { report, check: record } = await check(
    { ...entry, attacks: [{ ...entry.attacks[0]!, outcomes: forged }] },
    32,
  )
  expect(record).toBeUndefined()
  expect(report.differences.length).toBeGreaterThan(5)
  expect(report.differences[0]).toMatch(/example \d+ is "r" in the result, "b" when run again/)
})

test('another size of the model is named', async () => {
  const { report, check: record } = await check(
    { ...entry, model: { ...entry.model, parameters: 12 } },
    1,
  )
  expect(record).toBeUndefined()
  expect(report.differences).toEqual([
    'defense "pgd-at": the model file has 307984 parameters, the entry says 12',
  ])
})

test('another model is named', async () => {
  const { report } = await check({ ...entry, model: { ...entry.model, sha256: 'a'.repeat(64) } }, 1)
  expect(report.differences).toEqual([
    expect.stringMatching(/the model file has sha256 [0-9a-f]{64}, the result says a{64}/),
  ])
})
