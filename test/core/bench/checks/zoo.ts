/** Deliberately broken defenses, each made of one or two layers around a sound shipped model. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { g } from '../../../../core/engine/graph/graph.ts'
import { importGraph } from '../../../../core/engine/graph/import.ts'
import { rewrite, substitute } from '../../../../core/engine/graph/rewrite.ts'
import { toGraph } from '../../../../core/engine/graph/serialize.ts'
import type { Value } from '../../../../core/engine/graph/value.ts'
import { readOnnx, writeOnnx } from '../../../../core/engine/onnx/file.ts'
import type { OnnxNode } from '../../../../core/engine/onnx/file.ts'
import { packageRoot } from '../../../../core/base/paths.ts'

/**
 * Maps images `[n, 3, 32, 32]` to logits, around a classifier whose hidden layers may be changed.
 * @param random uniform in [0, 1), in the shape of the images, drawn in each pass; a defense that
 * uses it is stochastic
 */
type Defense = (
  images: Value,
  classify: (images: Value, hidden?: (activation: Value) => Value) => Value,
  random: Value,
) => Value

export const zoo = {
  'logits times 1000': (x, classify) => g.mul(classify(x), 1e3),
  'logits times 0.001': (x, classify) => g.mul(classify(x), 1e-3),
  'low temperature': (x, classify) => g.div(classify(x), 0.01),
  'softmax output': (x, classify) => g.softmax(classify(x)),
  'log-softmax output': (x, classify) => g.logSoftmax(classify(x)),
  'logarithm of a softmax': (x, classify) => g.log(g.softmax(classify(x))),
  'input quantization': (x, classify) => classify(roundTo(x, 1 / 16)),
  'JPEG-like rounding': (x, classify) => classify(roundBlocks(x, 0.1)),
  'quantization to 0.001': (x, classify) => classify(floorTo(x, 1 / 1000)),
  // Approximately the identity, but with slope −1: the gradient is reversed, not zero.
  'rotated gradient': (x, classify) => classify(g.sub(g.mul(floorTo(x, 1 / 128), 2), x)),
  // Images have 8 bits, so each pixel lies at the center of such a piece: the gradient is reversed
  // only there.
  'gradient turned at the data': (x, classify) => {
    const offset = g.sub(x, roundTo(x, 1 / 255))
    return classify(g.sub(x, g.mul(g.clip(offset, -1e-5, 1e-5), 2)))
  },
  'k-winners-take-all': (x, classify) => classify(x, winnersTakeAll),
  'binarized input': (x, classify) => classify(g.add(g.mul(g.sign(g.sub(x, 0.5)), 0.25), 0.5)),
  'binarized layer': (x, classify) =>
    classify(x, (hidden) => (hidden.shape.length === 2 ? g.sign(g.relu(hidden)) : g.relu(hidden))),
  // Abstains if it is not confident: an additional class then has the largest logit.
  'abstaining detector': (x, classify) => {
    const logits = classify(x)
    const largest = g.reduceMax(logits, [1], true)
    const next = g.reduceMax(g.where(g.equal(logits, largest), -1e30, logits), [1], true)
    const unsure = g.less(g.sub(largest, next), 3)
    return g.concat([logits, g.where(unsure, 1e3, -1e3)], 1)
  },
  'random noise': (x, classify, random) => classify(g.add(x, g.mul(g.sub(random, 0.5), 0.2))),
  'random resize': (x, classify, random) => {
    const draw = g.slice(random, [0, 0, 0], [1, 1, 1], [1, 2, 3])
    const smaller = g.where(g.less(draw, 0.67), resized(x, 28), resized(x, 24))
    return classify(g.where(g.less(draw, 0.33), x, smaller))
  },
} as const satisfies Record<string, Defense>

export type ZooName = keyof typeof zoo
export const zooNames = Object.keys(zoo) as ZooName[]

/** The checks that each defense must raise; it may raise others. */
export const raisedBy: Readonly<Record<ZooName, readonly string[]>> = {
  'logits times 1000': ['gradient-cross-entropy', 'losses-agree', 'logit-scale'],
  'logits times 0.001': ['logit-scale'],
  'low temperature': ['gradient-cross-entropy', 'losses-agree', 'logit-scale'],
  'softmax output': ['outputs-are-logits'],
  'log-softmax output': ['outputs-are-logits'],
  'logarithm of a softmax': ['outputs-are-logits'],
  'input quantization': ['gradient-available', 'surrogate-weaker', 'search-weaker'],
  'JPEG-like rounding': ['gradient-available', 'surrogate-weaker', 'search-weaker'],
  'quantization to 0.001': ['gradient-available', 'surrogate-weaker', 'search-weaker'],
  'rotated gradient': ['gradient-matches-differences', 'search-weaker', 'huge-epsilon-breaks'],
  'gradient turned at the data': ['gradient-matches-differences', 'no-label-leaking'],
  'k-winners-take-all': ['gradient-matches-differences'],
  'binarized input': ['gradient-available', 'noise-weaker', 'search-weaker'],
  'binarized layer': ['gradient-available', 'noise-weaker', 'search-weaker'],
  'abstaining detector': ['no-abstention'],
  'random noise': ['outputs-repeat'],
  'random resize': ['outputs-repeat'],
}

const original = join(packageRoot(), 'models', 'quickstart-standard.onnx')

/** The file of the sound model. */
export function soundFile(): Uint8Array {
  return readFileSync(original)
}

/** The file of a defense. */
export async function zooFile(name: ZooName): Promise<Uint8Array> {
  const graph = readOnnx(soundFile(), original)
  const inputShapes = { [graph.inputs[0]!.name]: ['n', 3, 32, 32] }
  const imported = await importGraph(graph, { name: original, inputShapes })
  const [logits] = Object.values(imported.outputs)
  const images = g.input('images', 'float32', ['n', 3, 32, 32])
  const random = g.input('random', 'float32', ['n', 3, 32, 32])
  const defense: Defense = zoo[name]
  const result = defense(
    images,
    (x, hidden) => {
      const own = hidden ? withActivation(logits!, hidden) : logits!
      return substitute([own], new Map([[imported.inputs[0]!, x]]))[0]!
    },
    random,
  )
  const written = toGraph({ logits: result }, [images, random])
  return writeOnnx({
    ...written,
    inputs: written.inputs.slice(0, 1),
    nodes: [randomNode, ...written.nodes],
  })
}

/** Draws the numbers that are a placeholder input here. */
const randomNode: OnnxNode = {
  name: 'random',
  op: 'RandomUniformLike',
  domain: '',
  inputs: ['images'],
  outputs: ['random'],
  attributes: { low: { type: 'float', value: 0 }, high: { type: 'float', value: 1 } },
}

function withActivation(logits: Value, hidden: (activation: Value) => Value): Value {
  return rewrite([logits], (node, inputs) =>
    node.op === 'Relu' ? [hidden(inputs[0]!)] : undefined,
  )[0]!
}

/**
 * Keeps the largest tenth of a vector, or feature values one standard deviation above the mean;
 * zeroes the rest.
 */
function winnersTakeAll(x: Value): Value {
  if (x.shape.length === 2) {
    const larger = g.cast(g.greater(g.unsqueeze(x, [1]), g.unsqueeze(x, [2])), 'float32')
    const rank = g.reduceSum(larger, [2])
    return g.where(g.less(rank, Math.ceil(Number(x.shape[1]) / 10)), x, 0)
  }
  const mean = g.reduceMean(x, [1, 2, 3], true)
  const variance = g.reduceMean(g.pow(g.sub(x, mean), 2), [1, 2, 3], true)
  return g.where(g.greater(x, g.add(mean, g.sqrt(variance))), x, 0)
}

function roundTo(x: Value, step: number): Value {
  return g.mul(g.op('Round', [g.div(x, step)])[0]!, step)
}

function floorTo(x: Value, step: number): Value {
  return g.mul(g.op('Floor', [g.div(x, step)])[0]!, step)
}

/** Rounds the cosine coefficients of each block of 8 × 8 to multiples of `step`. */
function roundBlocks(x: Value, step: number): Value {
  const cosines = g.floats([64, 64], blockCosines())
  const blocks = g.transpose(g.reshape(x, [-1, 3, 4, 8, 4, 8]), [0, 1, 2, 4, 3, 5])
  const flat = g.reshape(blocks, [-1, 48, 64])
  const coefficients = roundTo(g.matMul(flat, g.transpose(cosines, [1, 0])), step)
  const back = g.reshape(g.matMul(coefficients, cosines), [-1, 3, 4, 4, 8, 8])
  return g.reshape(g.transpose(back, [0, 1, 2, 4, 3, 5]), [-1, 3, 32, 32])
}

/** `[64 · 64]`: each row an orthonormal cosine of a block. */
function blockCosines(): number[] {
  const cosine = (k: number, i: number): number =>
    Math.sqrt((k === 0 ? 1 : 2) / 8) * Math.cos((Math.PI * (2 * i + 1) * k) / 16)
  const places = Array.from({ length: 64 }, (_, at) => [Math.floor(at / 8), at % 8] as const)
  return places.flatMap(([u, v]) => places.map(([i, j]) => cosine(u, i) * cosine(v, j)))
}

/** Shrinks images by linear interpolation, and centers them in a gray frame. */
function resized(x: Value, side: number): Value {
  const weights = Array.from({ length: 32 * 32 }, () => 0)
  const first = (32 - side) / 2
  for (let row = 0; row < side; row++) {
    const at = ((row + 0.5) * 32) / side - 0.5
    const low = Math.floor(at)
    weights[(first + row) * 32 + low] = 1 - (at - low)
    weights[(first + row) * 32 + Math.min(31, low + 1)]! += at - low
  }
  const shrink = g.floats([32, 32], weights)
  const centered = g.sub(x, 0.5)
  const both = g.matMul(g.matMul(shrink, centered), g.transpose(shrink, [1, 0]))
  return g.add(both, 0.5)
}
