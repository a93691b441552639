/** A perturbation source that generates noise with a trained network. */
import { rowOf } from '../../../../core/api/attack.ts'
import type { AttackTask } from '../../../../core/api/attack.ts'
import {
  crossEntropy,
  float32,
  foldBatchNormalization,
  g,
  gradient,
  Session,
  sizeOf,
  sliceRows,
  substitute,
} from '../../../../core/api/graph.ts'
import type { FloatTensor, Value } from '../../../../core/api/graph.ts'
import { LayerScope } from '../../../../core/api/training.ts'
import type { Weights } from '../../../../core/api/training.ts'
import { noiseGenerator } from './network.ts'
import { ascendLatent, noiseAmplitude } from '../perturbation-source.ts'
import type { PerturbationSource } from '../perturbation-source.ts'
import { noiseGeneratorCost, unitChannels } from './training.ts'
import type { NoiseGeneratorOptions } from './training.ts'

/** Options of `generatorNoise`. */
export interface GeneratorNoiseOptions extends Pick<NoiseGeneratorOptions, 'dimensions'> {
  /** β_z: change of each component of z per step. */
  readonly latentStep: number
}

/**
 * η = A·G(x, ∇, T(x, a), z) with G frozen, z drawn from N(0, I), and A = `noiseAmplitude`. Ascends
 * in z. The gradient with respect to a ignores how η depends on T(x, a), since the authors detach
 * the images that they feed back. G runs on one image at a time, so that its noise cannot depend on
 * others.
 * @param weights of G, from `trainNoiseGenerator` with the same number of dimensions
 */
export async function generatorNoise(
  task: AttackTask,
  { dimensions, latentStep }: GeneratorNoiseOptions,
  weights: Weights,
): Promise<PerturbationSource> {
  const [channels = 1, height = 1, width = 1] = task.inputs.shape.slice(1)
  const shape = [1, channels, height, width] as const
  const size = sizeOf(shape)
  const slopes = await inputGradients(task)
  const { forward, backward } = await compileGenerator(weights, shape, dimensions)
  return {
    open(row) {
      const z = new Float64Array(dimensions)
      const images = sliceRows(task.inputs, row, row + 1)
      const feeds = (center: Float32Array): Record<string, FloatTensor> => ({
        images,
        slopes: float32(shape, rowOf(slopes, row)),
        centers: float32(shape, center),
        latent: float32([1, dimensions], Float32Array.from(z)),
      })
      return {
        begin(_ball, stream) {
          for (let j = 0; j < dimensions; j++) z[j] = stream.normal()
        },
        async addTo(ball, output) {
          const { noise } = await forward.run(feeds(ball.center))
          const amplitude = noiseAmplitude(ball.threatModel, size)
          for (let i = 0; i < size; i++) {
            output[i] = ball.center[i]! + amplitude * Number(noise!.data[i])
          }
        },
        // A is positive, so it does not change the signs.
        async ascend({ ball, gradient: upstream }) {
          const { byLatent } = await backward.run({
            ...feeds(ball.center),
            upstream: float32(shape, upstream),
          })
          ascendLatent(z, byLatent!.data as Float32Array, latentStep)
        },
      }
    },
    async release() {
      await forward.release()
      await backward.release()
    },
  }
}

/** One forward and one backward pass per example for ∇, and the training once per cell. */
export function generatorNoiseCost(options: Pick<NoiseGeneratorOptions, 'steps'>): {
  readonly forward: number
  readonly backward: number
  readonly setup: { readonly forward: number; readonly backward: number }
} {
  return { forward: 1, backward: 1, setup: noiseGeneratorCost(options) }
}

/** ∇: the gradient of cross-entropy at each input, with channels of unit length. */
async function inputGradients(task: AttackTask): Promise<FloatTensor> {
  const { model, inputs, labels, batchSize, signal } = task
  const output = new Float32Array(inputs.data.length)
  const size = sizeOf(inputs.shape.slice(1))
  for (let start = 0; start < labels.length; start += batchSize) {
    signal.throwIfAborted()
    const end = Math.min(labels.length, start + batchSize)
    const part = labels.subarray(start, end)
    const result = await model.gradient(sliceRows(inputs, start, end), part, crossEntropy)
    output.set(result.gradient.data, start * size)
  }
  return unitChannels(float32(inputs.shape, output))
}

/** The frozen generator for one image: its noise, and the gradient of ⟨upstream, noise⟩ by z. */
async function compileGenerator(
  weights: Weights,
  shape: readonly [1, number, number, number],
  dimensions: number,
): Promise<{ readonly forward: Session; readonly backward: Session }> {
  const image = (name: string): Value => g.input(name, 'float32', shape)
  const [images, slopes, centers] = [image('images'), image('slopes'), image('centers')]
  const latent = g.input('latent', 'float32', [1, dimensions])
  const upstream = image('upstream')
  const scope = new LayerScope({ training: false, seed: 0 })
  const unit = noiseGenerator(scope, { images, slopes, centers, latent })
  const constants = new Map(
    scope.parameters.map(({ name, value }) => [value, g.constant(weights.get(name)!, name)]),
  )
  const [noise] = foldBatchNormalization(substitute([unit], constants))
  const [byLatent] = gradient(noise!, [latent], { upstream })
  const inputs = [images, slopes, centers, latent]
  const forward = await Session.compile({ noise: noise! }, inputs, {}, 'noise generator')
  const backward = await Session.compile(
    { byLatent: byLatent! },
    [...inputs, upstream],
    {},
    'gradient of the noise generator',
  )
  return { forward, backward }
}
