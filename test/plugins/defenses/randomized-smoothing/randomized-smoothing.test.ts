/** Randomized smoothing: the exported graph, its base classifier, and its training. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { certifyCommand } from '../../../../cli/certify-command.ts'
import { hashBytes } from '../../../../core/base/hash.ts'
import { baseClassifier } from '../../../../core/bench/certify/base-classifier.ts'
import { normalCdf } from '../../../../core/bench/metrics/normal-distribution.ts'
import { loadDataset } from '../../../../core/data/load.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import { toOnnx } from '../../../../core/engine/graph/serialize.ts'
import { float32 } from '../../../../core/engine/tensor/tensor.ts'
import { loadModel } from '../../../../core/model/load.ts'
import { plainManifest } from '../../../../core/model/manifest.ts'
import { readModelFile, writeModelFile } from '../../../../core/model/model-files.ts'
import type { DefenseResult } from '../../../../core/plugin/contract.ts'
import { randomizedSmoothing } from '../../../../plugins/defenses/randomized-smoothing/randomized-smoothing.ts'
import { standard } from '../../../../plugins/defenses/standard/standard.ts'
import { writeNpy } from '../../../e2e/support/npy.ts'
import { prepareDefense } from '../../../support/defense-context.ts'
import { randomTensor } from '../../../support/onnx-file.ts'
import { afterOneStep } from '../training/one-step.ts'

const shape = [1, 2, 2] as const

/** A classifier with the logits 0 and scale · (sum of the pixels − 2); its gradient's norm is 2. */
function sumClassifier(scale: number): Uint8Array {
  const x = g.input('x', 'float32', ['n', ...shape])
  const score = g.mul(g.sub(g.reduceSum(g.op('Flatten', [x])[0]!, [1], true), 2), scale)
  return toOnnx({ logits: g.concat([g.mul(score, 0), score], 1) }, [x])
}

function smoothed(
  base: Uint8Array,
  options: Readonly<Record<string, unknown>>,
): Promise<DefenseResult> {
  return prepareDefense(randomizedSmoothing, { base: 'base.onnx', ...options }, { shape, base })
}

test('its logits are the log of shares of votes, which follow the normal distribution', async () => {
  const { model, manifest } = await smoothed(sumClassifier(1e6), { sigma: 0.25, draws: 10 })
  const loaded = await loadModel(model, manifest)
  expect(loaded.stochastic).toBe(true)
  expect(loaded.components).toEqual([{ name: 'smoothed-classifier', backward: 'exact' }])
  // 200 images on one contour: the sum of their pixels is 2.2.
  const count = 200
  const images = new Float32Array(count * 4)
  for (let row = 0; row < count; row++) {
    const shift = row / 1024
    images.set([0.5 + shift, 0.5 - shift, 0.75, 0.45], row * 4)
  }
  const { data } = await loaded.logits(float32([count, ...shape], images))
  await loaded.dispose()
  let votes = 0
  for (let row = 0; row < count; row++) {
    const shares = [Math.exp(data[2 * row]!), Math.exp(data[2 * row + 1]!)]
    expect(shares[0]! + shares[1]!).toBeCloseTo(1, 5)
    expect(10 * shares[1]!).toBeCloseTo(Math.round(10 * shares[1]!), 4)
    votes += Math.round(10 * shares[1]!)
  }
  // δ adds N(0, 4σ²) to the sum: Φ(0.2 / 0.5); within 4 standard deviations of 2,000 votes.
  const share = normalCdf(0.4)
  expect(Math.abs(votes / 2000 - share)).toBeLessThan(4 * Math.sqrt((share * (1 - share)) / 2000))
})

test('with little noise it is the log-softmax of the base', async () => {
  const { model, manifest } = await smoothed(sumClassifier(3), { sigma: 1e-7, draws: 3 })
  const loaded = await loadModel(model, manifest)
  const images = randomTensor([4, ...shape], 'images')
  const { data } = await loaded.logits(images)
  await loaded.dispose()
  const expected = Array.from({ length: 4 }, (_, row) => {
    const sum = images.data.subarray(4 * row, 4 * row + 4).reduce((a, b) => a + b, 0)
    const score = 3 * (sum - 2)
    const norm = Math.log(1 + Math.exp(score))
    return [-norm, score - norm]
  }).flat()
  expect(data).toBeAllclose(expected, { rtol: 0, atol: 1e-5 })
})

test('its base classifier is cut out of the file with the noise of its card', async () => {
  const original = sumClassifier(3)
  const { model, manifest, training } = await smoothed(original, { sigma: '1/8', draws: 4 })
  expect(training).toEqual({
    defense: 'randomized-smoothing@1',
    base: 'base.onnx',
    smoothing: { sigma: 0.125, draws: 4, component: 'smoothed-classifier' },
  })
  const file = {
    path: 'smoothed.onnx',
    bytes: model,
    card: { sha256: hashBytes(model), manifest, training: training! },
  }
  const base = baseClassifier(file, shape)
  expect(base.sigma).toBe(0.125)
  const images = randomTensor([5, ...shape], 'images')
  const [cut, whole] = await Promise.all([
    loadModel(base.bytes, base.manifest),
    loadModel(original, plainManifest),
  ])
  expect(cut.stochastic).toBe(false)
  expect((await cut.logits(images)).data).toBeAllclose((await whole.logits(images)).data, {
    rtol: 0,
    atol: 1e-6,
  })
  await cut.dispose()
  await whole.dispose()
  const { components: _none, ...bare } = manifest
  expect(() => baseClassifier({ ...file, card: { ...file.card, manifest: bare } }, shape)).toThrow(
    'smoothed.onnx: its card says that component "smoothed-classifier" is the base classifier, ' +
      'but its manifest has no such component',
  )
})

test('trained without a base, a tiny noise gives standard training', async () => {
  const expected = await afterOneStep(standard)
  const logits = await afterOneStep(randomizedSmoothing, { sigma: 1e-7, draws: 1 })
  // The exported logits are log-probabilities: equal up to a constant per example.
  for (let row = 0; row < 3; row++) {
    const [own, other] = [logits, expected].map((all) => {
      const part = Array.from(all.subarray(3 * row, 3 * row + 3))
      return part.map((value) => value - part[0]!)
    })
    expect(own).toBeAllclose(other!, { rtol: 0, atol: 1e-5 })
  }
  const noisy = await afterOneStep(randomizedSmoothing, { sigma: 0.5, draws: 1 })
  expect(noisy).not.toBeAllclose(logits, { rtol: 0, atol: 1e-2 })
})

test('robench certify reads the file and its card', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'certify-'))
  try {
    const quick = [3, 32, 32] as const
    const x = g.input('x', 'float32', ['n', ...quick])
    // Ten classes; the first wins where the image is dark.
    const brightness = g.reduceMean(x, [1, 2, 3], true)
    const score = g.mul(g.sub(0.5, g.reshape(brightness, [-1, 1])), 1e3)
    const others = Array.from({ length: 9 }, (_, i) => g.mul(score, -1 - i / 10))
    const base = toOnnx({ logits: g.concat([score, ...others], 1) }, [x])
    const made = await prepareDefense(
      randomizedSmoothing,
      { base: 'base.onnx', sigma: 0.5, draws: 2 },
      { shape: quick, classes: 10, base },
    )
    const path = join(folder, 'smoothed.onnx')
    const { model, manifest, training } = made
    await writeModelFile(path, model, { sha256: hashBytes(model), manifest, training: training! })
    expect((await readModelFile(path, 'test')).card.training).toEqual(training)
    let output = ''
    const streams = {
      stdout: { write: (text: string) => (output += text) },
      stderr: { write: () => true },
    }
    const words = ['--data', 'quickstart', '--limit', '2', '--draws', '200', '--json']
    await certifyCommand(streams).parseAsync(['node', 'certify', path, ...words])
    const result = JSON.parse(output) as {
      options: { sigma: number; draws: number; alpha: number; selectionDraws: number }
      certificates: { predicted: number; votes: number; radius: number }[]
    }
    expect(result.options).toMatchObject({ sigma: 0.5, draws: 200, alpha: 0.001 })
    // The noise of the mean brightness is 0.5 / √3072, far below its distance to 0.5.
    for (const { votes, radius } of result.certificates) {
      expect(votes).toBe(200)
      // 0.5 · Φ⁻¹(0.001^(1/200)), scipy.stats.norm.ppf
      expect(radius).toBeCloseTo(0.912840781191003, 9)
    }
    await expect(
      certifyCommand(streams).parseAsync(['node', 'certify', path, '--draws', '2']),
    ).rejects.toThrow(
      'expected either --data <id or path>, or both --inputs <file> and --labels <file>',
    )
    const certify = (file: string, ...more: string[]): Promise<unknown> =>
      certifyCommand(streams).parseAsync(['node', 'certify', file, '--draws', '20', ...more])
    const toy = ['--data', 'quickstart', '--limit', '1']
    await expect(certify(path, ...toy, '--layout', 'NHWC')).rejects.toThrow(
      `--layout: the card of ${path} says how its base classifier is read; leave it out`,
    )
    // Own data, and a file that expects normalized images, as `eval` reads them.
    const quickstart = await loadDataset({ id: 'quickstart' }, { split: 'test' })
    const plain = join(folder, 'plain.onnx')
    writeFileSync(plain, base)
    const { shape, data: pixels } = quickstart.rows([0, 1])
    writeNpy(folder, 'x.npy', pixels, shape)
    writeNpy(folder, 'y.npy', quickstart.labels.slice(0, 2), [2])
    const own = ['--inputs', join(folder, 'x.npy'), '--labels', join(folder, 'y.npy')]
    output = ''
    await certify(plain, ...own, '--sigma', '0.1', '--json')
    const unchanged = JSON.parse(output) as typeof result
    output = ''
    // Less 1, every image is darker than 0.5.
    const darker = ['--mean', '1,1,1', '--std', '1,1,1']
    await certify(plain, ...own, '--sigma', '0.1', '--json', ...darker)
    const normalized = JSON.parse(output) as typeof result
    expect(unchanged.certificates).toHaveLength(2)
    expect(normalized.certificates.map(({ predicted }) => predicted)).toEqual([0, 0])
    await expect(certify(plain, ...own, '--sigma', '0.1', '--mean', '.5')).rejects.toThrow(
      '--std: missing, but --mean is set',
    )
    await expect(
      certify(plain, ...own, '--sigma', '0.1', '--mean', '.5,.5', '--std', '1,1'),
    ).rejects.toThrow('--mean has 2 values, expected 3 (one per channel)')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
