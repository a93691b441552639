/** Trains the noise generator against one frozen model. */
import { rowOf, stackPoints } from '../../../../core/api/attack.ts'
import type { AttackTask } from '../../../../core/api/attack.ts'
import { crossEntropy, float32, g, int64, sizeOf } from '../../../../core/api/graph.ts'
import type { FloatTensor, Tensor, Value } from '../../../../core/api/graph.ts'
import { randomStream } from '../../../../core/api/plugin.ts'
import type {
  Program,
  ProgramDefinition,
  ProgramScope,
  RandomStream,
} from '../../../../core/api/plugin.ts'
import { LayerScope } from '../../../../core/api/training.ts'
import type { Parameter, Weights } from '../../../../core/api/training.ts'
import { AttributeSession, rangedAttributes } from '../../../../core/api/transforms.ts'
import { attributeRangesOf } from '../attribute-findings.ts'
import { drawAttributes } from '../attribute-search.ts'
import { noiseGenerator } from './network.ts'
import { noiseAmplitude } from '../perturbation-source.ts'

/** Options of `trainNoiseGenerator`. */
export interface NoiseGeneratorOptions {
  /** d: components of z. */
  readonly dimensions: number
  /** Train on this many examples from the start of the data set, or on all if it has fewer. */
  readonly examples: number
  /** Optimizer steps, 1 or more. */
  readonly steps: number
  /** λ_div: weight of the difference between the noise of two draws of z. */
  readonly diversity: number
}

/** Examples per step; each is used with two draws of z. */
const batch = 32
const learningRate = 0.01
/** β₁ and β₂ of Adam, as in the authors' demo. */
const momentum = 0.5
const squaredMomentum = 0.999
/** The global gradient norm is clipped to this. */
const longestGradient = 1

/**
 * Seed of the initial weights. A constant, so that every unit of a cell trains the same generator.
 */
const initialSeed = 0

/**
 * Trains G so that f misclassifies clip(T(x, a) + A·G(x, ∇, T(x, a), z)). Minimizes −CE − λ_div·D
 * with Adam, where D is the mean over examples of mean|n₁ − n₂| / mean|z₁ − z₂| for two draws of z.
 * Attributes a are uniform in their ranges. Random streams depend on the model's hash and the data
 * set only, so that every unit of a cell trains the same generator.
 *
 * Differs from the authors' code: noise is generated in one pass, not in ten refinements; there is
 * no weight decay. Costs 3 · 32 forward and backward passes per step.
 * @throws GraphError if the model cannot be compiled or differentiated
 */
export async function trainNoiseGenerator(
  task: AttackTask,
  options: NoiseGeneratorOptions,
): Promise<Weights> {
  const { model, reference, inputs, threatModel, signal } = task
  const ranges = attributeRangesOf(task)
  const names = rangedAttributes(ranges)
  const [channels = 1, height = 1, width = 1] = inputs.shape.slice(1)
  const shape = [channels, height, width] as const
  const available = Math.min(options.examples, reference.count)
  const stream = randomStream('noise generator', model.hash)
  const session = new AttributeSession({ shape, names, bounds: threatModel.bounds })
  let parameters: readonly Parameter[] = []
  const program = await model.compile((scope) => {
    const built = buildStep(scope, task, shape, options)
    parameters = built.parameters
    return built.definition
  })
  const state = initialState(parameters)
  try {
    for (let step = 1; step <= options.steps; step++) {
      signal.throwIfAborted()
      const rows = Array.from({ length: batch }, () => stream.integer(available))
      const { inputs: images, labels } = reference.select(rows)
      const { gradient } = await model.gradient(images, labels, crossEntropy)
      const centers: Float32Array[] = []
      for (let place = 0; place < batch; place++) {
        const values = drawAttributes(ranges, names, stream)
        centers.push(await session.apply(rowOf(images, place), values))
      }
      await optimize(program, state, step, {
        images,
        labels: int64([batch], labels),
        slopes: unitChannels(gradient),
        centers: stackPoints(centers, shape),
        latent: drawLatent(stream, [2 * batch, options.dimensions]),
      })
    }
  } finally {
    await session.release()
  }
  return new Map(parameters.map(({ name }) => [name, state.get(`parameter/${name}`)!]))
}

/** Passes of the training; they do not depend on the number of examples. */
export function noiseGeneratorCost({ steps }: Pick<NoiseGeneratorOptions, 'steps'>): {
  readonly forward: number
  readonly backward: number
} {
  return { forward: 3 * batch * steps, backward: 3 * batch * steps }
}

/** Divides each channel of a gradient `[n, c, h, w]` by its L2 norm; zero channels stay zero. */
export function unitChannels(gradient: FloatTensor): FloatTensor {
  const data = gradient.data.slice()
  const area = sizeOf(gradient.shape.slice(2))
  for (let start = 0; start < data.length; start += area) {
    const channel = data.subarray(start, start + area)
    let squares = 0
    for (const value of channel) squares += value * value
    const scale = squares === 0 ? 0 : 1 / Math.sqrt(squares)
    for (let i = 0; i < area; i++) channel[i] = scale * channel[i]!
  }
  return float32(gradient.shape, data)
}

function drawLatent(stream: RandomStream, shape: readonly number[]): FloatTensor {
  return float32(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => stream.normal()),
  )
}

/** Weights, running statistics, and Adam's moments, by the names of their placeholders. */
type State = Map<string, FloatTensor>

function initialState(parameters: readonly Parameter[]): State {
  const state: State = new Map()
  for (const { name, initial, trainable } of parameters) {
    state.set(`parameter/${name}`, initial)
    if (!trainable) continue
    for (const kind of ['mean', 'square']) {
      state.set(`${kind}/${name}`, float32(initial.shape, new Float32Array(initial.data.length)))
    }
  }
  return state
}

async function optimize(
  program: Program,
  state: State,
  step: number,
  examples: Readonly<Record<string, Tensor>>,
): Promise<void> {
  // Adam's bias correction, applied to the learning rate.
  const rate = (learningRate * Math.sqrt(1 - squaredMomentum ** step)) / (1 - momentum ** step)
  const feeds = { ...examples, ...Object.fromEntries(state), rate: float32([], [rate]) }
  const outputs = await program.run(feeds)
  for (const name of state.keys()) {
    const next = outputs[`new/${name}`]
    if (next) state.set(name, next as FloatTensor)
  }
}

/** One optimizer step through the frozen model. */
function buildStep(
  scope: ProgramScope,
  { threatModel }: AttackTask,
  shape: readonly [number, number, number],
  { dimensions, diversity }: NoiseGeneratorOptions,
): { readonly definition: ProgramDefinition; readonly parameters: readonly Parameter[] } {
  const image = (name: string): Value => g.input(name, 'float32', [batch, ...shape])
  const [images, slopes, centers] = [image('images'), image('slopes'), image('centers')]
  const labels = g.input('labels', 'int64', [batch])
  const latent = g.input('latent', 'float32', [2 * batch, dimensions])
  const rate = g.input('rate', 'float32', [])
  const twice = (value: Value): Value => g.concat([value, value], 0)
  const layers = new LayerScope({ training: true, seed: initialSeed })
  const unit = noiseGenerator(layers, {
    images: twice(images),
    slopes: twice(slopes),
    centers: twice(centers),
    latent,
  })
  const noise = g.mul(unit, noiseAmplitude(threatModel, sizeOf(shape)))
  const [low, high] = threatModel.bounds
  const logits = scope.logits(g.clip(g.add(twice(centers), noise), low, high))
  const adversarial = g.neg(g.reduceMean(crossEntropy(logits, twice(labels)), [0]))
  const spread = g.div(meanDifference(noise), g.add(meanDifference(latent), 1e-8))
  const loss = g.sub(adversarial, g.mul(g.reduceMean(spread, [0]), diversity))
  const trainable = layers.parameters.filter((parameter) => parameter.trainable)
  const gradients = clipNorm(
    scope.gradient(
      loss,
      trainable.map(({ value }) => value),
    ),
  )
  const outputs: Record<string, Value> = { loss }
  const placeholders = [images, slopes, centers, labels, latent, rate]
  trainable.forEach(({ name, value, initial }, i) => {
    const slope = gradients[i]!
    const [mean, square] = ['mean', 'square'].map((kind) =>
      g.input(`${kind}/${name}`, 'float32', initial.shape),
    )
    const nextMean = average(mean!, slope, momentum)
    const nextSquare = average(square!, g.mul(slope, slope), squaredMomentum)
    const change = g.div(nextMean, g.add(g.sqrt(nextSquare), 1e-8))
    outputs[`new/parameter/${name}`] = g.sub(value, g.mul(change, rate))
    outputs[`new/mean/${name}`] = nextMean
    outputs[`new/square/${name}`] = nextSquare
    placeholders.push(mean!, square!)
  })
  for (const [name, value] of layers.updates) outputs[`new/parameter/${name}`] = value
  const inputs = [...placeholders, ...layers.parameters.map(({ value }) => value)]
  return { definition: { inputs, outputs }, parameters: layers.parameters }
}

/**
 * `[m]`: mean absolute difference between each row of the first half of `[2·m, …]` and the second.
 */
function meanDifference(value: Value): Value {
  const halves = [0, batch].map((start) => g.slice(value, [start], [start + batch], [0]))
  const axes = value.shape.map((_, axis) => axis).slice(1)
  return g.reduceMean(g.abs(g.sub(halves[0]!, halves[1]!)), axes)
}

/** The exponential moving average. */
function average(old: Value, value: Value, decay: number): Value {
  return g.add(g.mul(old, decay), g.mul(value, 1 - decay))
}

/** Scales the gradients so that their global norm is at most `longestGradient`. */
function clipNorm(gradients: readonly Value[]): Value[] {
  const squares = gradients.map((value) =>
    g.reduceSumSquare(
      value,
      value.shape.map((_, axis) => axis),
    ),
  )
  const length = g.sqrt(squares.reduce((sum, value) => g.add(sum, value)))
  const factor = g.div(longestGradient, g.max(length, longestGradient))
  return gradients.map((value) => g.mul(value, factor))
}
