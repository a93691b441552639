/** Forward pass and input gradient over the forward pass alone, for kernels as large as the image. */
import { g } from '../../dist/core/engine/graph/graph.js'
import { gradient } from '../../dist/core/engine/graph/gradient.js'
import { Session } from '../../dist/core/engine/graph/session.js'
import { crossEntropy } from '../../dist/core/model/losses.js'
import { randomStream } from '../../dist/core/base/random.js'
import { float32, int64, sizeOf } from '../../dist/core/engine/tensor/tensor.js'
import { interleavedRatio } from './timing.mjs'

const batch = 64

/** Kernels [o, c, h, w] of a convolution over images of the same h and w, or larger ones. */
const cases = [
  { id: 'mlp', title: 'a dense layer', image: [1, 28, 28], kernel: [512, 1, 28, 28] },
  { id: 'vgg-head', title: 'the head of VGG', image: [128, 7, 7], kernel: [1024, 128, 7, 7] },
  { id: 'depthwise', title: 'a depthwise head', image: [256, 7, 7], kernel: [256, 1, 7, 7] },
  { id: 'linear', title: 'a linear classifier', image: [3, 32, 32], kernel: [100, 3, 32, 32] },
  {
    id: 'nearly',
    title: 'a kernel of nearly its size',
    image: [3, 32, 32],
    kernel: [128, 3, 30, 30],
  },
]

export const benches = cases.map(({ id, title, image, kernel }) => ({
  id: `dense-convolution-ratio-${id}`,
  title:
    `forward + input gradient over forward, Conv as ${title}, ` +
    `image [${image.join(', ')}], kernel [${kernel.join(', ')}], batch ${batch}, 1 thread`,
  unit: '×',
  bar: { atMost: 4 },
  run: () => measure(image, kernel),
}))

async function measure(image, kernel) {
  const random = randomStream('dense convolution')
  const draw = (shape) =>
    float32(
      shape,
      Float32Array.from({ length: sizeOf(shape) }, () => 0.05 * random.normal()),
    )
  const images = g.input('inputs', 'float32', ['n', ...image])
  const group = image[0] / kernel[1]
  const features = g.relu(g.conv(images, g.constant(draw(kernel)), null, { group }))
  const flat = g.op('Flatten', [features])[0]
  const logits = g.matMul(flat, g.constant(draw([flat.shape[1], 10])))
  const labels = g.input('labels', 'int64', ['n'])
  const losses = crossEntropy(logits, labels)
  const [inputGradient] = gradient(losses, [images])
  const forward = await Session.compile({ logits }, [images])
  const both = await Session.compile({ logits, losses, inputGradient }, [images, labels])
  const feeds = {
    inputs: draw([batch, ...image]),
    labels: int64(
      [batch],
      Array.from({ length: batch }, () => 0),
    ),
  }
  const ratio = await interleavedRatio({
    numerator: () => both.run(feeds),
    denominator: () => forward.run(feeds),
    repeats: 15,
  })
  await Promise.all([forward.release(), both.release()])
  return ratio
}
