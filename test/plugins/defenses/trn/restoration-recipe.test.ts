/** The training of a restoration: its inputs, its gradient maps, and what they depend on. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { g } from '../../../../core/engine/graph/graph.ts'
import {
  float32,
  int64,
  sliceRows,
  type FloatTensor,
} from '../../../../core/engine/tensor/tensor.ts'
import { loadModel } from '../../../../core/model/load.ts'
import { crossEntropy } from '../../../../core/model/losses.ts'
import { plainManifest } from '../../../../core/model/manifest.ts'
import type { ClassifierModel } from '../../../../core/model/classifier.ts'
import { predictions } from '../../../../core/model/predictions.ts'
import { resolveOptions } from '../../../../core/plugin/options.ts'
import { exportedModel } from '../../../../core/training/export-model.ts'
import { weightedGraph, WeightedSession } from '../../../../core/training/model-function.ts'
import { ModuleScope } from '../../../../core/training/module.ts'
import { runTraining } from '../../../../core/training/run-training.ts'
import { ParameterStore, type Weights } from '../../../../core/training/scope.ts'
import type { Tensor } from '../../../../core/engine/tensor/tensor.ts'
import { restorationRecipe } from '../../../../plugins/defenses/trn/restoration-recipe.ts'
import type { TrnOptions } from '../../../../plugins/defenses/trn/trn-options.ts'
import { trn } from '../../../../plugins/defenses/trn/trn.ts'
import { barsClassifier, barsDataset } from '../../../support/bars.ts'
import { randomTensor } from '../../../support/onnx-file.ts'

const data = barsDataset(360)
const images = data.rows([0, 1, 2, 3, 4, 5])
const epsilon = 0.15
const budget = {
  threatModel: { norm: 'Linf', epsilon, bounds: [0, 1] },
  steps: 2,
  stepSize: epsilon / 2,
  ramp: 0,
} as const

let base: ClassifierModel
let other: ClassifierModel
beforeAll(async () => {
  base = await loadModel(await barsClassifier(data), plainManifest)
  other = await loadModel(await barsClassifier(data, 2), plainManifest)
})
afterAll(() => Promise.all([base.dispose(), other.dispose()]))

function optionsFor(changes: Readonly<Record<string, unknown>>): TrnOptions {
  const given = { base: 'base.onnx', width: 4, blocks: 1, ...changes }
  return resolveOptions(trn.meta, given, 'options') as unknown as TrnOptions
}

function recipeOf(
  changes: Readonly<Record<string, unknown>>,
  model = base,
): ReturnType<typeof restorationRecipe> {
  return restorationRecipe({
    logitsOf: (x) => model.apply(x),
    shape: data.shape,
    budget,
    options: optionsFor(changes),
  })
}

/** The exported model's logits and named tensors, at weights other than the initial ones. */
async function evaluate(
  recipe: ReturnType<typeof restorationRecipe>,
  known?: Int32Array,
): Promise<Readonly<Record<string, Tensor>>> {
  const store = new ParameterStore(5)
  const x = g.input('inputs', 'float32', ['n', ...data.shape])
  const y = g.input('labels', 'int64', ['n'])
  const { logits, tensors } = exportedModel(
    recipe.model(new ModuleScope(store), x, known ? y : undefined),
  )
  const graph = weightedGraph({ logits, ...tensors }, store)
  const session = await WeightedSession.load(graph, {}, 'restoration')
  const fed = known && { labels: int64([known.length], known) }
  const outputs = await session.run(changed(store), { inputs: images, ...fed })
  await session.release()
  return outputs
}

function changed(store: ParameterStore): Weights {
  return new Map(
    store.parameters.map(({ value, initial: { shape, data: values } }) => {
      const noise = randomTensor(shape, value.node.name).data
      return [
        value.node.name,
        float32(
          shape,
          values.map((w, i) => w + 0.1 * noise[i]!),
        ),
      ]
    }),
  )
}

describe.each([
  ['all', 3],
  ['topk', 2],
  ['pseudo', 1],
  ['margin', 1],
  ['uniform', 1],
  ['oracle', 1],
] as const)('with the map %s', (map, channels) => {
  test(`the gradient stream has ${channels} maps`, () => {
    const store = new ParameterStore(5)
    const x = g.input('inputs', 'float32', ['n', ...data.shape])
    const model = recipeOf({ map, mapCount: 2 }).model(new ModuleScope(store), x)
    expect(exportedModel(model).tensors!['gradient-map']!.shape).toEqual(['n', channels, 8, 8])
    const kernels = store.parameters.map(({ initial }) => initial.shape)
    expect(kernels).toContainEqual([4, channels, 3, 3])
  })
})

describe('the gradient map', () => {
  test('is the scaled gradient of the cross-entropy of each class', async () => {
    const outputs = await evaluate(recipeOf({}))
    const maps = outputs['gradient-map'] as FloatTensor
    for (const k of [0, 1, 2]) {
      const { gradient } = await base.gradient(images, new Int32Array(6).fill(k), crossEntropy)
      for (const row of [0, 1, 2, 3, 4, 5]) {
        const slope = gradient.data.subarray(row * 64, (row + 1) * 64)
        const rms = Math.sqrt(slope.reduce((sum, value) => sum + value * value, 0) / 64)
        const expected = slope.map((value) => Math.min(Math.max(value / rms, -3), 3) / 3)
        const at = (row * 3 + k) * 64
        expect(maps.data.subarray(at, at + 64)).toBeAllclose(expected, { rtol: 1e-3, atol: 1e-4 })
      }
    }
  })

  test('of the oracle is that of the labels, where they are known', async () => {
    const recipe = recipeOf({ map: 'oracle' })
    const predicted = predictions(await base.logits(images))
    const wrong = predicted.map((label) => (label + 1) % 3)
    const pseudo = await evaluate(recipeOf({ map: 'pseudo' }))
    const mapWith = async (known?: Int32Array): Promise<Tensor> =>
      (await evaluate(recipe, known))['gradient-map']!
    expect(await mapWith()).toEqual(pseudo['gradient-map'])
    expect((await mapWith(predicted)).data).toBeAllclose(
      pseudo['gradient-map']!.data as Float32Array,
      { rtol: 1e-4, atol: 1e-5 },
    )
    const all = await evaluate(recipeOf({ map: 'all' }))
    const maps = all['gradient-map'] as FloatTensor
    const misled = (await mapWith(wrong)) as FloatTensor
    for (const row of wrong.keys()) {
      const at = (row * 3 + wrong[row]!) * 64
      const own = misled.data.subarray(row * 64, (row + 1) * 64)
      expect(own).toBeAllclose(maps.data.subarray(at, at + 64), { rtol: 1e-4, atol: 1e-5 })
    }
  })

  test('changes what both streams restore, and nothing with the image stream alone', async () => {
    const restoredBy = async (streams: string, model: ClassifierModel): Promise<Tensor> =>
      (await evaluate(recipeOf({ streams }, model)))['restored']!
    expect(await restoredBy('both', base)).not.toEqual(await restoredBy('both', other))
    expect(await restoredBy('image-only', base)).toEqual(await restoredBy('image-only', other))
    const outputs = await evaluate(recipeOf({ streams: 'image-only' }))
    expect(Object.keys(outputs).toSorted()).toEqual(['logits', 'restored'])
  })
})

type Prepared = Readonly<Record<'clean' | 'attacked' | 'benign', FloatTensor>>

/** What the training step sees in one epoch of batches of 10. */
async function preparedBatches(changes: Readonly<Record<string, unknown>>): Promise<Prepared[]> {
  const recipe = recipeOf({ streams: 'image-only', blocks: 0, ...changes })
  const phase = recipe.phases[0]!
  const seen: Prepared[] = []
  await runTraining(
    {
      ...recipe,
      phases: [
        {
          ...phase,
          async prepare(batch) {
            const prepared = await phase.prepare(batch)
            seen.push(prepared as Prepared)
            return prepared
          },
        },
      ],
    },
    {
      data: barsDataset(60),
      epochs: 1,
      batchSize: 10,
      validation: 0,
      seed: 2,
      threads: 1,
      identity: 'test',
      progress: () => undefined,
    },
  )
  return seen
}

/** The largest change of a pixel in each row. */
function radii({ clean, attacked }: Prepared): number[] {
  return Array.from({ length: clean.shape[0]! }, (_, row) => {
    const [from, to] = [sliceRows(clean, row, row + 1).data, sliceRows(attacked, row, row + 1).data]
    return Math.max(...from.map((value, i) => Math.abs(value - to[i]!)))
  })
}

describe('a batch', () => {
  test('has its benign rows first, and the others at the radius', async () => {
    const batches = await preparedBatches({ attacks: ['fgsm'], radius: 'fixed', benign: 0.3 })
    expect(batches).toHaveLength(6)
    for (const batch of batches) {
      const [benign, attacked] = [radii(batch).slice(0, 3), radii(batch).slice(3)]
      expect(benign).toEqual([0, 0, 0])
      expect(attacked).toBeAllclose(Array(7).fill(epsilon), { atol: 1e-6 })
      const weights = [...Array(3).fill(Math.fround(10 / 3)), ...Array(7).fill(0)]
      expect(Array.from(batch.benign.data)).toEqual(weights)
    }
  })

  test('draws its radius from 0 to the largest', async () => {
    const batches = await preparedBatches({ attacks: ['fgsm'], benign: 0 })
    const largest = batches.map((batch) => Math.max(...radii(batch)))
    expect(new Set(largest.map((radius) => radius.toFixed(4))).size).toBe(6)
    for (const radius of largest) expect(radius).toBeLessThanOrEqual(epsilon + 1e-6)
  })

  test('without an attack is benign', async () => {
    for (const batch of await preparedBatches({ attacks: ['none'] })) {
      expect(batch.attacked).toEqual(batch.clean)
      expect(Array.from(batch.benign.data)).toEqual(Array(10).fill(1))
    }
  })
})
