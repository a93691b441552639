/** Parameter counts, shapes, branches, and messages of the built-in networks. */
import { describe, expect, test } from 'vitest'
import type { PluginOptions } from '../../../core/plugin/contract.ts'
import { build, EmptyStore, networkOf, sizeOfAll, type Shape } from './support.ts'

// He et al. 2015, Table 6: 0.27 M, 0.85 M. Zagoruyko and Komodakis 2016, Tables 4 and 5: 2.7 M,
// 36.5 M. The exact counts are those of torchvision 0.29.2 with a 3 × 3 stem (resnet18), with one
// linear layer (features of vgg11_bn to vgg19_bn), and of its VisionTransformer; the others are
// sums over nn.Conv2d, nn.BatchNorm2d and nn.Linear of PyTorch 2.15.
const counts: readonly (readonly [id: string, options: PluginOptions, count: number])[] = [
  ['resnet', {}, 11_173_962],
  ['resnet', { width: 16, blocks: [3, 3, 3], shortcut: 'padding' }, 269_722],
  ['resnet', { width: 16, blocks: [9, 9, 9], shortcut: 'padding' }, 853_018],
  // Two projections: 16·32 + 2·32 and 32·64 + 2·64.
  ['resnet', { width: 16, blocks: [3, 3, 3] }, 269_722 + 576 + 2176],
  ['preact-resnet', {}, 11_172_170],
  ['wide-resnet', { depth: 16, widen: 4 }, 2_748_890],
  ['wide-resnet', {}, 36_479_194],
  ['wide-resnet', { depth: 34 }, 46_160_474],
  ['vgg', { depth: 11 }, 9_231_114],
  ['vgg', { depth: 13 }, 9_416_010],
  ['vgg', {}, 14_728_266],
  ['vgg', { depth: 19 }, 20_040_522],
  ['vit-tiny', {}, 5_362_762],
  // No class token: 192 for the token and 192 for its position.
  ['vit-tiny', { pooling: 'mean' }, 5_362_762 - 384],
]

test.each(counts)('%s %j has the published number of parameters', async (id, options, count) => {
  const network = await networkOf(id, options)
  const { trained } = build(network, [3, 32, 32], { store: new EmptyStore(1) })
  expect(sizeOfAll(trained)).toBe(count)
})

test('group normalization has the parameters of batch normalization, without statistics', async () => {
  for (const id of ['resnet', 'preact-resnet', 'wide-resnet']) {
    const built = async (normalization: string) => {
      const network = await networkOf(id, { width: 4, normalization })
      return build(network, [3, 32, 32], { store: new EmptyStore(1) })
    }
    const [batch, group] = [await built('batch'), await built('group')]
    expect(sizeOfAll(group.trained)).toBe(sizeOfAll(batch.trained))
    expect(group.parameters).toEqual(group.trained)
  }
})

const small: readonly (readonly [id: string, options: PluginOptions])[] = [
  ['resnet', { width: 2, blocks: [1, 1] }],
  ['resnet', { width: 2, blocks: [1, 1], shortcut: 'padding', normalization: 'group' }],
  ['preact-resnet', { width: 2, blocks: [1, 1] }],
  ['wide-resnet', { depth: 10, widen: 2, width: 2 }],
  ['vgg', { depth: 11, width: 2 }],
  ['vit-tiny', { width: 4, depth: 2, heads: 2 }],
  ['vit-tiny', { width: 4, depth: 2, heads: 2, pooling: 'mean' }],
]

describe.each(small)('%s %j', (id, options) => {
  test('gives one logit for each class of images of any size', async () => {
    for (const shape of [
      [3, 32, 32],
      [1, 28, 28],
      [1, 8, 8],
    ] satisfies Shape[]) {
      const network = await networkOf(id, options, shape, 7)
      expect(build(network, shape, { batch: 3 }).logits.shape).toEqual([3, 7])
    }
  })

  test('has the same parameters in training and at inference', async () => {
    const network = await networkOf(id, options)
    const facts = (training: boolean) =>
      build(network, [3, 32, 32], { training }).parameters.map(({ name, initial, decays }) => ({
        name,
        initial,
        decays,
      }))
    expect(facts(true)).toEqual(facts(false))
  })

  test('a second branch has batch normalization of its own, and shares all else', async () => {
    const network = await networkOf(id, options)
    const store = new EmptyStore(1)
    const main = build(network, [3, 32, 32], { training: true, store })
    const other = build(network, [3, 32, 32], { training: true, store, branch: 'B' })
    const isSplit = (name: string): boolean => /^norm\d+\./.test(name)
    expect(other.parameters.filter((parameter) => main.parameters.includes(parameter))).toEqual(
      main.parameters.filter(({ name }) => !isSplit(name)),
    )
    expect(other.parameters.map(({ name }) => name)).toEqual(
      main.parameters.map(({ name }) => name.replace(/^(norm\d+)\./, '$1.B.')),
    )
  })

  test('weight decay applies to kernels and matrices only', async () => {
    const { trained } = build(await networkOf(id, options), [3, 32, 32])
    expect(trained.filter(({ decays }) => decays).map(({ name }) => name)).toEqual(
      trained.map(({ name }) => name).filter((name) => /^(conv|linear)\d+\.weight$/.test(name)),
    )
  })
})

test('titles name the architecture and the options that change it', async () => {
  const titles = [
    await networkOf('resnet', { width: 16, blocks: [3, 3, 3], shortcut: 'padding' }),
    await networkOf('preact-resnet', { normalization: 'group' }),
    await networkOf('wide-resnet', { depth: 34 }),
    await networkOf('vgg'),
    await networkOf('vit-tiny'),
  ].map(({ title }) => title)
  expect(titles).toEqual([
    'ResNet-20, 16 base channels, padding shortcuts',
    'PreActResNet-18, 64 base channels, group normalization',
    'WRN-34-10',
    'VGG-16, 64 base channels',
    'ViT/4 of 12 blocks, 192 features, 3 heads',
  ])
})

test('vit-tiny rejects patches and heads that do not divide', async () => {
  await expect(networkOf('vit-tiny', { patch: 5 })).rejects.toThrow(
    'vit-tiny: expected a patch size that divides 32 × 32 images, got 5',
  )
  await expect(networkOf('vit-tiny', { heads: 5 })).rejects.toThrow(
    'vit-tiny: expected heads that divide the width 192, got 5',
  )
})
