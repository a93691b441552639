/** Layers whose receptive fields are local, for tests of incremental passes. */
import { g } from '../../../../core/engine/graph/graph.ts'
import type { Value } from '../../../../core/engine/graph/value.ts'
import { randomTensor } from '../../../support/onnx-file.ts'

/** The side of the images in pixels. */
export const size = 17

/** The placeholder of the images. */
export const images = (): Value => g.input('inputs', 'float32', ['n', 3, size, size])

/** Applies a layer to a value. */
export type Layer = (x: Value, seed: number) => Value

/** Random constant weights. */
export const weight = (shape: readonly number[], seed: number): Value =>
  g.constant(randomTensor(shape, `weight ${seed}`))
/** The number of channels of a value `[n, c, h, w]`. */
export const channelsOf = (x: Value): number => x.shape[1] as number
const conv = (out: number, kernel: number, options: Parameters<typeof g.conv>[3]): Layer => {
  return (x, seed) =>
    g.relu(
      g.conv(x, weight([out, channelsOf(x), kernel, kernel], seed), weight([out], -seed), options),
    )
}
/** Local layers by name. */
export const layers: Readonly<Record<string, Layer>> = {
  'conv 3': conv(16, 3, { pads: [1, 1, 1, 1] }),
  'conv 3 of few channels': conv(5, 3, { pads: [1, 1, 1, 1] }),
  'conv 3 stride 2': conv(16, 3, { pads: [1, 1, 1, 1], strides: [2, 2] }),
  'conv 2 × 5 with uneven pads': (x, seed) =>
    g.conv(x, weight([16, channelsOf(x), 2, 5], seed), null, {
      pads: [1, 2, 0, 1],
      strides: [1, 2],
    }),
  'conv 3 dilation 2': conv(16, 3, { pads: [2, 2, 2, 2], dilations: [2, 2] }),
  'conv 1': conv(16, 1, {}),
  'max pool with pads': (x) =>
    g.op('MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] })[0]!,
  'average pool': (x) => g.op('AveragePool', [x], { kernel_shape: [2, 2], strides: [2, 2] })[0]!,
  'batch normalization': (x, seed) => {
    const channels = channelsOf(x)
    const [scale, bias, mean] = [1, 2, 3].map((i) => weight([channels], seed + 100 * i))
    const variance = g.floats(
      [channels],
      Array.from({ length: channels }, () => 0.5),
    )
    return g.op('BatchNormalization', [x, scale!, bias!, mean!, variance])[0]!
  },
  'residual block': (x, seed) => {
    const same = (y: Value, turn: number): Value =>
      g.conv(y, weight([channelsOf(x), channelsOf(x), 3, 3], seed + turn), null, {
        pads: [1, 1, 1, 1],
      })
    return g.relu(g.add(same(g.relu(same(x, 10)), 20), x))
  },
  sigmoid: (x) => g.sigmoid(x),
}
