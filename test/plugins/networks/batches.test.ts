/** Logits and input gradients of the built-in networks do not depend on the batch. */
import { expect, test } from 'vitest'
import { gatherRows } from '../../../core/engine/tensor/tensor.ts'
import { loadModel } from '../../../core/model/load.ts'
import { crossEntropy } from '../../../core/model/losses.ts'
import { plainManifest } from '../../../core/model/manifest.ts'
import type { PluginOptions } from '../../../core/plugin/contract.ts'
import { exportModel } from '../../../core/training/export-model.ts'
import { classifierModule } from '../../../core/training/module.ts'
import { ParameterStore } from '../../../core/training/scope.ts'
import { randomImages } from '../../support/spectra.ts'
import { networkOf, type Shape } from './support.ts'

const shape: Shape = [3, 16, 16]
const count = 20
const images = randomImages([count, ...shape], 'images')
const labels = Int32Array.from({ length: count }, (_, i) => i % 10)
const channels = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] }

test.each<[id: string, options: PluginOptions]>([
  ['resnet', { width: 16, blocks: [1, 1], shortcut: 'padding' }],
  ['resnet', { width: 16, blocks: [1, 1], normalization: 'group' }],
  ['preact-resnet', { width: 16, blocks: [1, 1] }],
  ['wide-resnet', { depth: 10, widen: 2, width: 8 }],
  ['vgg', { depth: 11, width: 16 }],
  ['vit-tiny', { width: 48, depth: 2 }],
  ['vit-tiny', { width: 20, depth: 1, heads: 2, pooling: 'mean' }],
])('%s %j: rows are bitwise equal in batches of 1, 7 and 20', async (id, options) => {
  const classifier = classifierModule(await networkOf(id, options, shape), channels)
  const file = exportModel((m, x) => m.apply(classifier, [x]), shape, new ParameterStore(1))
  const model = await loadModel(file, plainManifest)
  const whole = await model.gradient(images, labels, crossEntropy)
  expect(whole.gradient.data.some((value) => value !== 0)).toBe(true)
  for (const rows of [[13], [0, 5, 19, 5, 7, 2, 11]]) {
    const own = Int32Array.from(rows, (row) => labels[row]!)
    const part = await model.gradient(gatherRows(images, rows), own, crossEntropy)
    expect(part.logits.data).toEqual(gatherRows(whole.logits, rows).data)
    expect(part.gradient.data).toEqual(gatherRows(whole.gradient, rows).data)
  }
  await model.dispose()
})
