/** A result that was run holds; every kind of change to it, its chunks, or its points is found. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dump } from 'npyjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { verifyResultFile } from '../../core/bench/verify/verify-result.ts'
import { readPoints, writePoints } from '../../core/bench/store/adversarials.ts'
import { float32 } from '../../core/engine/tensor/tensor.ts'
import type { RunResult } from '../../core/bench/result/result.ts'
import { mainScript, robench, temporaryFolder, writeJson } from './support/cli.ts'
import { onlyResults, testSuite } from './support/suite.ts'
import { writeTinyProblem } from './support/tiny-problem.ts'

const attacks = [{ plugin: 'pgd', options: { steps: 5 } }]
let base: string
let printed: { readonly code: number | null; readonly stdout: string; readonly stderr: string }

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'robench-verify-'))
  writeTinyProblem(base)
  writeJson(base, 'suite.json', testSuite(attacks, { limit: 60, seeds: [0] }))
  expect(run('run', 'suite.json', '--save-adversarial').code).toBe(0)
  printed = run('verify', 'results', '--sample', '20', '--seed', '1')
})
afterAll(() => rmSync(base, { recursive: true }))

/** Runs a command in `base`. The helpers of other tests belong to one test. */
function run(...words: readonly string[]): typeof printed {
  const { status, stdout, stderr } = spawnSync(process.execPath, [mainScript, ...words], {
    cwd: base,
    env: { ...process.env, ROBENCH_CACHE: join(base, 'cache'), NO_COLOR: '1' },
    encoding: 'utf8',
  })
  return { code: status, stdout, stderr }
}

/** A copy of the run, to be changed. */
function copy(): { readonly folder: string; readonly results: string } {
  const folder = temporaryFolder()
  cpSync(base, folder, { recursive: true })
  return { folder, results: onlyResults(folder) }
}

/** All differences, without a new sample unless it is asked for. */
async function differences(folder: string, sample = 0): Promise<string[]> {
  const { parts } = await verifyResultFile(join(folder, 'results'), {
    sample,
    seed: 1,
    folder,
    device: 'cpu',
    threads: 1,
    signal: new AbortController().signal,
  })
  return parts.flatMap((part) => part.differences)
}

function edit(results: string, change: (result: RunResult) => unknown): void {
  const file = join(results, 'result.json')
  const result = JSON.parse(readFileSync(file, 'utf8')) as RunResult
  writeFileSync(file, JSON.stringify(change(result)))
}

/** Replaces the outcome of the first attack at a place, and all that follows from it. */
function withOutcome(result: RunResult, at: number, mark: string): unknown {
  const [entry] = result.entries
  const [attack] = entry!.attacks
  if (attack?.state !== 'completed') throw new Error('expected a completed attack')
  const outcomes = `${attack.outcomes.slice(0, at)}${mark}${attack.outcomes.slice(at + 1)}`
  const robustAccuracy = outcomes.replaceAll(/[wb]/g, '').length / outcomes.length
  return {
    ...result,
    entries: [
      {
        ...entry,
        attacks: [{ ...attack, outcomes, robustAccuracy }],
        worstCaseRobustAccuracy: robustAccuracy,
      },
    ],
  }
}

function outcomesIn(results: string): string {
  const result = JSON.parse(readFileSync(join(results, 'result.json'), 'utf8')) as RunResult
  const [attack] = result.entries[0]!.attacks
  return attack?.state === 'completed' ? attack.outcomes : ''
}

test('a result that was run holds, with every part of it compared', () => {
  expect(printed.stderr).toBe('')
  expect(printed.code).toBe(0)
  expect(printed.stdout).toMatch(/figures {3}ok/)
  expect(printed.stdout).toMatch(/chunks {4}ok {9}2 chunks/)
  expect(printed.stdout).toMatch(/points {4}ok {9}\d\d points/)
  expect(printed.stdout).toMatch(/sample {4}ok {9}40 outcomes \(\d+ robust\)/)
  expect(printed.stdout).toContain('The result holds.')
})

describe('differences are found:', () => {
  test('an accuracy that does not follow from its outcomes', async () => {
    const { folder, results } = copy()
    edit(results, ({ entries: [entry], ...rest }) => ({
      ...rest,
      entries: [{ ...entry, cleanAccuracy: 0.99 }],
    }))
    expect(await differences(folder)).toEqual([
      expect.stringMatching(/clean accuracy is 0.99 in the result, the outcomes give 0\.\d+/),
    ])
  })

  test('a broken example that is stated as robust, in chunk, points, and sample', async () => {
    const { folder, results } = copy()
    const at = outcomesIn(results).indexOf('b')
    edit(results, (result) => withOutcome(result, at, 'r'))
    const found = await differences(folder, 60)
    expect(found).toEqual([
      expect.stringContaining(`example ${at} is "r" in the result, "b" in its chunk`),
      expect.stringMatching(
        `tiny/pgd.npz: example ${at} is robust in the result, but its point fools the model`,
      ),
      expect.stringContaining(`example ${at} is "r" in the result, "b" when run again`),
    ])
  })

  test('a robust example that is stated as broken', async () => {
    const { folder, results } = copy()
    const at = outcomesIn(results).indexOf('r')
    edit(results, (result) => withOutcome(result, at, 'b'))
    expect(await differences(folder, 60)).toEqual([
      expect.stringContaining('in its chunk'),
      expect.stringContaining('but its point does not fool the model'),
      expect.stringContaining(`example ${at} is "b" in the result, "r" when run again`),
    ])
  })

  test('a chunk that was changed', async () => {
    const { folder, results } = copy()
    const [name] = readdirSync(join(results, 'units'))
    const file = join(results, 'units', name!)
    writeFileSync(file, readFileSync(file, 'utf8').replace('"elapsedMs"', '"ElapsedMs"'))
    const found = await differences(folder)
    expect(found[0]).toMatch(/units\/[0-9a-f]{64}\.json is damaged: the checksum/)
  })

  test('a point outside its ball, and a file that is not the listed one', async () => {
    const { folder, results } = copy()
    const file = join(results, 'adversarials', 'tiny', 'pgd.npz')
    const { points, ...rest } = await readPoints(file)
    const data = points.data.slice()
    const at = outcomesIn(results).indexOf('b')
    data[64 * at] = data[64 * at]! > 0.5 ? 0 : 1
    await writePoints(file, { ...rest, points: float32([...points.shape], data) })
    const found = await differences(folder)
    expect(found).toHaveLength(2)
    expect(found[0]).toMatch(/^tiny\/pgd\.npz has sha256 [0-9a-f]{64}, not as listed$/)
    expect(found[1]).toMatch(`tiny/pgd.npz: the point of example ${at} has the Linf distance 0.`)
  })

  test('another suite than the one that was run', async () => {
    const { folder, results } = copy()
    edit(results, ({ suite, ...rest }) => ({
      ...rest,
      suite: { ...suite, content: { ...suite.content, seeds: [7] } },
    }))
    const found = await differences(folder)
    expect(found[0]).toMatch(/^the suite has sha256 [0-9a-f]{64}, the result says [0-9a-f]{64}$/)
  })

  test('another model under the same name', async () => {
    const { folder } = copy()
    const file = join(folder, 'tiny.onnx')
    const bytes = readFileSync(file)
    // The last byte of the last weight.
    const place = bytes.lastIndexOf(Buffer.from([0x3f]))
    bytes[place]! ^= 1
    writeFileSync(file, bytes)
    expect(await differences(folder, 1)).toContainEqual(
      expect.stringMatching(/the model file has sha256 [0-9a-f]{64}, the result says/),
    )
  })
})

test('points of another program are judged: inside, outside, robust, and broken', async () => {
  const { folder, results } = copy()
  const { points, indices } = await readPoints(join(results, 'adversarials', 'tiny', 'pgd.npz'))
  const data = points.data.slice(0, 20 * 64)
  data[0] = Number.NaN
  writeFileSync(join(folder, 'x.npy'), new Uint8Array(dump(data, [20, 1, 8, 8])))
  writeFileSync(join(folder, 'i.npy'), new Uint8Array(dump(indices.slice(0, 20), [20])))
  const words = ['--points', 'x.npy', '--indices', 'i.npy', '--model', 'tiny.onnx']
  const data2 = ['--inputs', 'inputs.npy', '--labels', 'labels.npy']
  const ball = ['--norm', 'Linf', '--epsilon', '8/255']
  const { code, stdout } = await robench(folder, 'verify', ...words, ...data2, ...ball, '--json')
  const judged = JSON.parse(stdout)
  const outcomes = outcomesIn(results).slice(1, 20)
  const count = (mark: string): number => [...outcomes].filter((own) => own === mark).length
  expect(code).toBe(1)
  expect(judged).toMatchObject({ points: 20, outside: 1 })
  expect(judged.violations).toEqual([`point 0 (example 0) has the value NaN, outside [0, 1]`])
  // Example 0 counts as wrong or as robust.
  expect(judged.broken).toBe(count('b'))
  expect(judged.robust + judged.wrong).toBe(count('r') + count('w') + 1)
})
