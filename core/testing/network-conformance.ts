/** The conformance battery for network architectures, built-in or third-party. */
import { g } from '../engine/graph/graph.ts'
import { gradient } from '../engine/graph/gradient.ts'
import { Session } from '../engine/graph/session.ts'
import { gatherRows, tensor } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import { hashBytes } from '../base/hash.ts'
import { randomStream } from '../base/random.ts'
import { loadModel } from '../model/load.ts'
import { crossEntropy } from '../model/losses.ts'
import { plainManifest } from '../model/manifest.ts'
import type { NetworkPlugin, PluginOptions } from '../plugin/contract.ts'
import { resolveOptions } from '../plugin/options.ts'
import { exportModel } from '../training/export-model.ts'
import { classifierModule } from '../training/module.ts'
import type { NetworkDefinition } from '../training/network.ts'
import { batchMean } from '../training/objectives.ts'
import { LayerScope, ParameterStore } from '../training/scope.ts'
import { ensure, metaChecks } from './plugin-checks.ts'
import type { PluginCheck } from './plugin-checks.ts'

type Shape = readonly [channels: number, height: number, width: number]

/** The network to check, and the settings of its checks. */
export interface NetworkConformance {
  readonly plugin: NetworkPlugin<never>
  /** Options as in a suite; default: the network's defaults. */
  readonly options?: PluginOptions
  /** Default: `[3, 32, 32]` and `[1, 28, 28]`. */
  readonly inputShapes?: readonly (readonly [channels: number, height: number, width: number])[]
}

const count = 12
const classes = 5

interface Trial {
  readonly name: string
  readonly shape: Shape
  define(classes: number): NetworkDefinition
}

/** All checks of a network, for images of each shape. */
export function networkConformance(subject: NetworkConformance): PluginCheck[] {
  const {
    plugin,
    options,
    inputShapes = [
      [3, 32, 32],
      [1, 28, 28],
    ] as const,
  } = subject
  const resolved = resolveOptions(plugin.meta, options, 'options')
  const checks: readonly (readonly [string, (trial: Trial) => Promise<void>])[] = [
    ['its logits have a column for each class, are finite, and depend on the image', checkLogits],
    ['rows of a batch do not depend on each other', checkBatches],
    ['the seed determines its weights', checkSeed],
    ['every parameter that is trained has a gradient', checkParameters],
  ]
  const perShape = inputShapes.flatMap((shape) => {
    const trial: Trial = {
      name: `network ${plugin.meta.id}`,
      shape,
      // The options were checked against this plugin's own schema.
      define: (k) => plugin.define({ inputShape: shape, classes: k, options: resolved as never }),
    }
    return checks.map(([name, check]) => ({
      name: `${shape.join(' × ')}: ${name}`,
      run: () => check(trial),
    }))
  })
  return [...metaChecks(plugin, options), ...perShape]
}

function imagesOf(shape: Shape): FloatTensor {
  const stream = randomStream('network images')
  const size = count * shape[0] * shape[1] * shape[2]
  return tensor(
    'float32',
    [count, ...shape],
    Float32Array.from({ length: size }, () => stream.uniform()),
  )
}

/** The network with fresh weights as an ONNX file. */
function fileOf({ shape, define }: Trial, k: number, seed: number): Uint8Array {
  const perChannel = (value: number): number[] => Array.from({ length: shape[0] }, () => value)
  const channels = { mean: perChannel(0.5), std: perChannel(0.25) }
  const classifier = classifierModule(define(k), channels)
  return exportModel((m, x) => m.apply(classifier, [x]), shape, new ParameterStore(seed))
}

async function logitsOf(trial: Trial, k: number, images: FloatTensor): Promise<FloatTensor> {
  const model = await loadModel(fileOf(trial, k, 1), plainManifest, { name: trial.name })
  try {
    return await model.logits(images)
  } finally {
    await model.dispose()
  }
}

async function checkLogits(trial: Trial): Promise<void> {
  for (const k of [2, classes]) {
    const { shape, data } = await logitsOf(trial, k, imagesOf(trial.shape))
    const expected = `${count}, ${k}`
    const got = shape.join(', ')
    ensure(got === expected, trial.name, `for ${k} classes, logits are [${got}], not [${expected}]`)
    ensure(data.every(Number.isFinite), trial.name, 'a logit is not finite')
    const isConstant = data.every((value, i) => value === data[i % k])
    ensure(!isConstant, trial.name, 'all images have the same logits')
  }
}

async function checkBatches(trial: Trial): Promise<void> {
  const images = imagesOf(trial.shape)
  const model = await loadModel(fileOf(trial, classes, 1), plainManifest, { name: trial.name })
  try {
    const whole = await model.logits(images)
    for (const rows of [[7], [3, 0, 11, 3, 5]]) {
      const part = (await model.logits(gatherRows(images, rows))).data
      const expected = gatherRows(whole, rows).data
      const apart = part.reduce(
        (most, value, i) => Math.max(most, Math.abs(value - expected[i]!)),
        0,
      )
      const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6)
      ensure(
        apart <= 1e-5 * scale,
        trial.name,
        `in a batch of ${rows.length}, a logit differs by ${apart.toPrecision(2)}`,
      )
    }
  } finally {
    await model.dispose()
  }
}

async function checkSeed(trial: Trial): Promise<void> {
  const hash = (seed: number): string => hashBytes(fileOf(trial, classes, seed))
  const first = hash(1)
  ensure(hash(1) === first, trial.name, 'two networks with the same seed differ')
  ensure(hash(2) !== first, trial.name, 'another seed gives the same weights')
}

async function checkParameters(trial: Trial): Promise<void> {
  const store = new ParameterStore(1)
  const scope = new LayerScope({ training: true, store })
  const images = g.input('images', 'float32', [count, ...trial.shape])
  const labels = g.input('labels', 'int64', [count])
  const logits = trial.define(classes).build(scope, images)
  const { parameters } = scope
  const trained = parameters.filter(({ trainable }) => trainable)
  ensure(trained.length > 0, trial.name, 'it has no parameters')
  const loss = batchMean(crossEntropy(logits, labels))
  const gradients = gradient(
    loss,
    trained.map(({ value }) => value),
  )
  const session = await Session.compile(
    Object.fromEntries(gradients.map((value, index) => [`g${index}`, value])),
    [images, labels, ...parameters.map(({ value }) => value)],
  )
  try {
    const results = await session.run({
      images: imagesOf(trial.shape),
      labels: {
        dtype: 'int64',
        shape: [count],
        data: BigInt64Array.from({ length: count }, (_, row) => BigInt(row % classes)),
      },
      ...Object.fromEntries(parameters.map(({ value, initial }) => [value.node.name, initial])),
    })
    trained.forEach(({ name }, index) => {
      const data = results[`g${index}`]!.data as Float32Array
      ensure(data.every(Number.isFinite), trial.name, `the gradient of "${name}" is not finite`)
      const isUsed = data.some((value) => value !== 0)
      ensure(isUsed, trial.name, `the loss does not depend on the parameter "${name}"`)
    })
  } finally {
    await session.release()
  }
}
