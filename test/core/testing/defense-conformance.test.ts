/** The battery finds each defect of a defense, and nothing else. */
import { expect, test } from 'vitest'
import { g } from '../../../core/engine/graph/graph.ts'
import { toOnnx } from '../../../core/engine/graph/serialize.ts'
import { plainManifest } from '../../../core/model/manifest.ts'
import type { DefenseContext, DefensePlugin, DefenseResult } from '../../../core/plugin/contract.ts'
import { PluginRegistry } from '../../../core/plugin/registry.ts'
import { defenseConformance } from '../../../core/testing/index.ts'

const meta = {
  id: 'acme/means',
  apiVersion: 1,
  version: 1,
  title: 'Means',
  provenance: 'own',
  trains: true,
} as const

/** logits = x · m − ‖m‖² / 2 for the mean m of each class, plus a number. */
async function nearestMean(
  { loadTrain, dataset, progress, signal }: DefenseContext,
  more = 0,
): Promise<DefenseResult> {
  const train = await loadTrain()
  const classes = dataset.classNames.length
  const size = train.rows([0]).data.length
  const means = new Float32Array(size * classes)
  for (let row = 0; row < train.count; row++) {
    const label = train.labels[row]!
    train.rows([row]).data.forEach((value, i) => {
      means[i * classes + label]! += (value * classes) / train.count
    })
    if (row % 200 > 0) continue
    signal.throwIfAborted()
    progress({ epoch: 0, epochs: 1, step: row, steps: train.count, loss: 0, accuracy: 0 })
  }
  const bias = new Float32Array(classes).fill(more)
  means.forEach((value, i) => (bias[i % classes]! -= (value * value) / 2))
  const images = g.input('images', 'float32', ['n', ...dataset.shape])
  const products = g.matMul(g.reshape(images, [-1, size]), g.floats([size, classes], [...means]))
  const logits = g.add(products, g.floats([classes], [...bias]))
  return { model: toOnnx({ logits }, [images]), manifest: plainManifest, training: { more } }
}

/** A model that does not need its images: the same logits, or a weighted first pixel. */
function constantModel({ dataset }: DefenseContext, weight: number): DefenseResult {
  const classes = dataset.classNames.length
  const images = g.input('images', 'float32', ['n', ...dataset.shape])
  const flat = g.reshape(images, [-1, 64])
  const weights = Array.from({ length: 64 * classes }, (_, i) => (i === 1 ? weight : 0))
  const logits = g.matMul(flat, g.floats([64, classes], weights))
  return { model: toOnnx({ logits }, [images]), manifest: plainManifest }
}

/** How often a defense was called that does not follow its seed. */
let calls = 0

/** The names of the checks that a defense fails, without those that need its model. */
async function failures(
  prepare: (context: DefenseContext) => Promise<unknown>,
  more: object = {},
): Promise<string[]> {
  // A plugin in JavaScript may return anything.
  const record = { kind: 'defense', meta: { ...meta, ...more }, prepare }
  const plugin = record as unknown as DefensePlugin<never>
  const failed: string[] = []
  for (const { name, run } of defenseConformance({ plugin, registry: new PluginRegistry([]) })) {
    await run().catch(() => failed.push(name))
  }
  return failed
}

test('a sound defense passes', async () => {
  expect(await failures((context) => nearestMean(context))).toEqual([])
})

test.each<[string, (context: DefenseContext) => Promise<unknown>, object]>([
  ['its meta follows the contract', (context) => nearestMean(context), { version: 0 }],
  [
    'it rejects unknown options',
    (context) => nearestMean(context),
    {
      optionsSchema: {
        type: 'object',
        additionalProperties: false,
        patternProperties: { '^no': {} },
      },
    },
  ],
  ['the same seed gives the same model', (context) => nearestMean(context, calls++), {}],
  [
    'its progress is finite, and it stops when aborted',
    (context) => nearestMean({ ...context, signal: new AbortController().signal }),
    {},
  ],
  [
    'its progress is finite, and it stops when aborted',
    (context) => {
      context.progress({ epoch: 0, epochs: 1, step: 1, steps: 1, loss: Number.NaN, accuracy: 0 })
      return nearestMean(context)
    },
    {},
  ],
  ['it does not use the training split', (context) => nearestMean(context), { trains: false }],
  [
    'its model is better than chance on unseen examples',
    async (context) => {
      await context.loadTrain()
      return constantModel(context, 1)
    },
    {},
  ],
])('"%s" fails alone', async (name, prepare, more) => {
  expect(await failures(prepare, more)).toEqual([name])
})

test('a model that ignores its images', async () => {
  const failed = await failures(async (context) => constantModel(context, 0), { trains: false })
  expect(failed).toEqual(['its model fits the data, and its card is plain JSON'])
})

test('a defense that does not train says so', async () => {
  const failed = await failures(async (context) => constantModel(context, 1))
  expect(failed).toContain('it uses the training split')
})

test('a card that is no JSON', async () => {
  const failed = await failures(async (context) => ({
    ...(await nearestMean(context)),
    training: { steps: 3n },
  }))
  expect(failed).toContain('its model fits the data, and its card is plain JSON')
})
