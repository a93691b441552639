/**
 * A problem that is generated quickly: noisy prototypes of four classes, with a nearest-prototype
 * model.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dump } from 'npyjs'
import { randomStream } from '../../../core/base/random.ts'
import { g } from '../../../core/engine/graph/graph.ts'
import { toOnnx } from '../../../core/engine/graph/serialize.ts'
import { float32 } from '../../../core/engine/tensor/tensor.ts'

export const tinyExamples = 1200
const side = 8
const size = side * side
const classes = 4
/**
 * Standard deviation of the noise. Some examples are misclassified, some break, some stay robust.
 */
const noise = 0.4

/** `[classes × size]`: the center of each class. */
function prototypes(): Float32Array {
  const stream = randomStream('prototypes')
  return Float32Array.from({ length: classes * size }, () => 0.3 + 0.4 * stream.uniform())
}

/** The bytes of the model: logits = x · p − ‖p‖² / 2 for the prototype p of each class. */
export function tinyModel(): Uint8Array {
  const middles = prototypes()
  const weights = new Float32Array(size * classes)
  const bias = new Float32Array(classes)
  middles.forEach((value, i) => {
    const label = Math.floor(i / size)
    weights[(i % size) * classes + label] = value
    bias[label]! -= (value * value) / 2
  })
  const images = g.input('images', 'float32', ['n', 1, side, side])
  const products = g.matMul(
    g.reshape(images, [-1, size]),
    g.constant(float32([size, classes], weights)),
  )
  return toOnnx({ logits: g.add(products, g.constant(float32([classes], bias))) }, [images])
}

/** Writes `tiny.onnx`, `inputs.npy` and `labels.npy` to a directory. */
export function writeTinyProblem(folder: string): void {
  const middles = prototypes()
  const stream = randomStream('examples')
  const inputs = new Float32Array(tinyExamples * size)
  const labels = Uint8Array.from({ length: tinyExamples }, () => stream.integer(classes))
  for (let i = 0; i < inputs.length; i++) {
    const middle = middles[labels[Math.floor(i / size)]! * size + (i % size)]!
    inputs[i] = Math.min(1, Math.max(0, middle + noise * stream.normal()))
  }
  writeFileSync(join(folder, 'tiny.onnx'), tinyModel())
  writeFileSync(
    join(folder, 'inputs.npy'),
    new Uint8Array(dump(inputs, [tinyExamples, 1, side, side])),
  )
  writeFileSync(join(folder, 'labels.npy'), new Uint8Array(dump(labels, [tinyExamples])))
}
