/**
 * Logits of the built-in networks agree with PyTorch 2.15 in float64: torchvision's
 * VisionTransformer, and the other networks written with torch.nn.functional, in training mode.
 * Value i of the k-th parameter is 0.7 sin(i + k), and that of the images sin(i).
 */
import { expect, test } from 'vitest'
import type { FloatTensor } from '../../../core/engine/tensor/tensor.ts'
import type { PluginOptions } from '../../../core/plugin/contract.ts'
import { build, networkOf, run, type Shape, wave } from './support.ts'

const classes = 3

interface Case {
  readonly id: string
  readonly options: PluginOptions
  /** `[batch, channels, height, width]`; default `[2, 3, 8, 8]`. */
  readonly images?: readonly [number, ...Shape]
  readonly logits: readonly number[]
}

const cases: readonly Case[] = [
  {
    id: 'resnet',
    options: { width: 2, blocks: [1, 1] },
    logits: [0.91259917, 0.36177956, 0.01294126, 0.95732431, 0.29947134, 0.04967086],
  },
  {
    id: 'resnet',
    options: { width: 2, blocks: [1, 1], shortcut: 'padding' },
    logits: [-0.98161508, 0.28073473, -0.64067928, -1.01567992, 0.35981123, -0.70999014],
  },
  {
    id: 'resnet',
    options: { width: 2, blocks: [1, 1], normalization: 'group' },
    logits: [1.15233424, 0.13547261, 0.06905438, 1.12441488, 0.1536856, 0.07316412],
  },
  {
    id: 'preact-resnet',
    options: { width: 2, blocks: [1, 1] },
    logits: [-0.40046295, -0.06644624, 0.73785068, -0.4035196, -0.06730032, 0.74202385],
  },
  {
    id: 'wide-resnet',
    options: { depth: 10, widen: 2, width: 2 },
    logits: [1.84649042, -0.17404447, 0.4925207, 2.01980696, -0.30036361, 0.56114558],
  },
  {
    id: 'vgg',
    options: { depth: 11, width: 2 },
    images: [4, 3, 16, 16],
    logits: [
      1.68788836, -0.95769464, -0.75155944, 1.4565333, -0.80786481, -0.80717629, 1.67115489,
      -1.0542764, -0.54984111, 1.44444855, -0.5910439, -1.21037276,
    ],
  },
  {
    id: 'vit-tiny',
    options: { width: 4, depth: 2, heads: 2 },
    logits: [1.7369166, 0.56162272, -0.79974185, 1.73200545, 0.55098241, -0.78092075],
  },
]

test.each(cases)('$id $options', async ({ id, options, images = [2, 3, 8, 8], logits }) => {
  const [batch, ...shape] = images
  const network = await networkOf(id, options, shape, classes)
  const built = build(network, shape, { training: true, batch })
  const values = new Map<string, FloatTensor>(
    built.trained.map(({ name, initial }, k) => [name, wave(initial.shape, k + 1, 0.7)]),
  )
  const results = await run(built, { logits: built.logits }, wave(images, 0), values)
  expect(results['logits']!).toBeAllclose(logits, { rtol: 1e-4, atol: 1e-4 })
})
