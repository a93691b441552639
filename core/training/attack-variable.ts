/** What an inner attack optimizes: images in a ball, noise, attribute values. */
import type { RandomStream } from '../base/random.ts'
import { float32, sizeOf, type FloatTensor } from '../engine/tensor/tensor.ts'
import { v, vectorLoop } from '../engine/tensor/vector-loop.ts'
import type { ThreatModel } from '../threat/threat-model.ts'
import { boxStep, imageStep, type VariableStep, type VariableStepParts } from './variable-steps.ts'

/** A variable of an inner attack, with its start, step and projection. */
export interface AttackVariable {
  /** The shape for one example, given that of an image. */
  shape(image: readonly number[]): readonly number[]
  /** The first value `[n, …]`. @param scale factor of radii */
  start(clean: FloatTensor, random: RandomStream, scale: number): FloatTensor
  /**
   * Moves the value along the gradient and projects it, in place.
   * @param memory of the value's size, for the variable's own use between the steps of one run; 0
   *   before the first
   */
  step(
    value: FloatTensor,
    gradient: Float32Array,
    clean: FloatTensor,
    scale: number,
    memory: Float32Array,
  ): void
  /**
   * The same step as an expression. Variables that have it step on the device of a training, up to
   * rounding; others on the host.
   */
  express?(parts: VariableStepParts): VariableStep
}

/** Where an inner attack starts in its ball. */
export type AttackStart =
  /** At the clean image. */
  | 'clean'
  /** Uniform in the ball, then clipped to the bounds. */
  | 'uniform'
  /** The clean image plus normal noise of that deviation, projected. */
  | { readonly deviation: number }

/** Options of `imageVariable`. */
export interface ImageVariableOptions {
  /** In Linf or L2. */
  readonly threatModel: ThreatModel
  /** In the units of the images. */
  readonly stepSize: number
  /** Default `uniform`. */
  readonly start?: AttackStart
  /**
   * μ: each step follows m ← μ·m + ∇/‖∇‖₁ instead of the gradient ∇ of an example (Dong et al.
   * 2018, arXiv:1710.06081, equation 6). Default 0.
   */
  readonly momentum?: number
}

/**
 * The perturbed image itself: steps of the gradient's sign in Linf, of its unit vector in L2,
 * projected onto the ball and the bounds (Madry et al. 2018, arXiv:1706.06083). With one step from
 * `clean` it is FGSM, with one step of 1.25 ε from `uniform` that of Wong et al. 2020
 * (arXiv:2001.03994).
 */
export function imageVariable({
  threatModel,
  stepSize,
  start = 'uniform',
  momentum = 0,
}: ImageVariableOptions): AttackVariable {
  const { norm, epsilon, bounds } = threatModel
  const isLinf = norm === 'Linf'
  const project = isLinf ? projectLinf : projectL2
  return {
    shape: (image) => image,
    start(clean, random, scale) {
      const value = float32(clean.shape, clean.data.slice())
      if (start === 'clean') return value
      if (typeof start === 'object') addNormal(value, start.deviation, random)
      else if (isLinf) addUniform(value, scale * epsilon, random)
      else addInBall(value, scale * epsilon, random)
      project(value, clean, scale * epsilon, bounds)
      return value
    },
    step(value, gradient, clean, scale, memory) {
      const radius = scale * epsilon
      let direction = gradient
      if (momentum > 0) {
        accumulate(memory, gradient, momentum, sizeOf(value.shape.slice(1)))
        direction = memory
      }
      if (isLinf) {
        const arrays = { value: value.data, gradient: direction, center: clean.data }
        const [low, high] = bounds
        stepInLinf.run(arrays, { radius, step: scale * stepSize, low, high })
        return
      }
      stepAlongUnit(value, direction, scale * stepSize)
      project(value, clean, radius, bounds)
    },
    express: (parts) => imageStep(parts, { threatModel, stepSize, momentum }),
  }
}

/** A step along the gradient's sign, and the projection, as one loop. */
const stepInLinf = vectorLoop({
  arrays: { value: 'float32', gradient: 'float32', center: 'float32' },
  scalars: ['radius', 'step', 'low', 'high'],
  body({ value, gradient, center, radius, step, low, high }) {
    const moved = v.round(v.add(value, v.mul(step, v.sign(gradient))))
    const above = v.max(v.max(moved, v.sub(center, radius)), low)
    return { writes: { value: v.min(v.min(above, v.add(center, radius)), high) } }
  },
})

/** Options of `noiseVariable`. */
export interface NoiseVariableOptions {
  /** Radius in Linf. */
  readonly epsilon: number
  readonly stepSize: number
}

/** Noise in the shape of an image, at most ε in each pixel; it starts uniform. */
export function noiseVariable({ epsilon, stepSize }: NoiseVariableOptions): AttackVariable {
  return {
    shape: (image) => image,
    start(clean, random, scale) {
      const value = float32(clean.shape, new Float32Array(clean.data.length))
      addUniform(value, scale * epsilon, random)
      return value
    },
    step(value, gradient, _clean, scale) {
      const { data } = value
      const radius = scale * epsilon
      stepAlongSign(value, gradient, scale * stepSize)
      for (let i = 0; i < data.length; i++) {
        data[i] = Math.min(Math.max(data[i]!, -radius), radius)
      }
    },
    express: (parts) =>
      boxStep(parts, { low: [-epsilon], high: [epsilon], stepSizes: [stepSize], neutral: [0] }),
  }
}

/** Options of `boxVariable`. */
export interface BoxVariableOptions {
  /** Of the box, per component. */
  readonly low: readonly number[]
  readonly high: readonly number[]
  /** Step of each component along the gradient's sign. */
  readonly stepSizes: readonly number[]
  /** The values of a clean image, which `scale` shrinks the box to. */
  readonly neutral: readonly number[]
  /** Default `uniform`. */
  readonly start?: 'neutral' | 'uniform'
}

/** A vector in a box, such as the values of attributes. */
export function boxVariable(options: BoxVariableOptions): AttackVariable {
  const { low, high, stepSizes, neutral, start = 'uniform' } = options
  const size = neutral.length
  const limit = (values: readonly number[], k: number, scale: number): number =>
    neutral[k]! + scale * (values[k]! - neutral[k]!)
  return {
    shape: () => [size],
    start(clean, random, scale) {
      const count = clean.shape[0]!
      const data = Float32Array.from({ length: count * size }, (_, i) => {
        const k = i % size
        if (start === 'neutral') return neutral[k]!
        const [from, to] = [limit(low, k, scale), limit(high, k, scale)]
        return from + (to - from) * random.uniform()
      })
      return float32([count, size], data)
    },
    step({ data }, gradient, _clean, scale) {
      for (let i = 0; i < data.length; i++) {
        const k = i % size
        const moved = data[i]! + scale * stepSizes[k]! * Math.sign(gradient[i]!)
        data[i] = Math.min(Math.max(moved, limit(low, k, scale)), limit(high, k, scale))
      }
    },
    express: (parts) => boxStep(parts, { low, high, stepSizes, neutral }),
  }
}

function addUniform({ data }: FloatTensor, radius: number, random: RandomStream): void {
  const bits = new Uint32Array(data.length)
  random.fillBits(bits)
  for (let i = 0; i < data.length; i++) {
    data[i] = data[i]! + radius * (2 * (bits[i]! / 2 ** 32) - 1)
  }
}

function addNormal({ data }: FloatTensor, deviation: number, random: RandomStream): void {
  for (let i = 0; i < data.length; i++) data[i] = data[i]! + deviation * random.normal()
}

/** Adds to each example a vector that is uniform in the L2 ball: a direction times ε·u^(1/d). */
function addInBall(value: FloatTensor, epsilon: number, random: RandomStream): void {
  const size = sizeOf(value.shape.slice(1))
  const direction = new Float64Array(size)
  for (let start = 0; start < value.data.length; start += size) {
    let squares = 0
    for (let i = 0; i < size; i++) {
      direction[i] = random.normal()
      squares += direction[i]! ** 2
    }
    const factor = (epsilon * random.uniform() ** (1 / size)) / Math.sqrt(squares)
    for (let i = 0; i < size; i++) {
      value.data[start + i] = value.data[start + i]! + factor * direction[i]!
    }
  }
}

function projectLinf(
  { data }: FloatTensor,
  clean: FloatTensor,
  epsilon: number,
  [low, high]: readonly [number, number],
): void {
  for (let i = 0; i < data.length; i++) {
    const center = clean.data[i]!
    data[i] = Math.min(Math.max(data[i]!, center - epsilon, low), center + epsilon, high)
  }
}

function projectL2(
  { data, shape }: FloatTensor,
  clean: FloatTensor,
  epsilon: number,
  [low, high]: readonly [number, number],
): void {
  const size = sizeOf(shape.slice(1))
  for (let start = 0; start < data.length; start += size) {
    let squares = 0
    for (let i = start; i < start + size; i++) squares += (data[i]! - clean.data[i]!) ** 2
    const scale = Math.min(1, epsilon / Math.max(Math.sqrt(squares), 1e-12))
    for (let i = start; i < start + size; i++) {
      const center = clean.data[i]!
      data[i] = Math.min(Math.max(center + (data[i]! - center) * scale, low), high)
    }
  }
}

function stepAlongSign({ data }: FloatTensor, gradient: Float32Array, stepSize: number): void {
  for (let i = 0; i < data.length; i++) data[i] = data[i]! + stepSize * Math.sign(gradient[i]!)
}

/** Moves each example by `stepSize` along its gradient, scaled to unit L2 norm. */
function stepAlongUnit(value: FloatTensor, gradient: Float32Array, stepSize: number): void {
  const size = sizeOf(value.shape.slice(1))
  for (let start = 0; start < gradient.length; start += size) {
    let squares = 0
    for (let i = start; i < start + size; i++) squares += gradient[i]! ** 2
    const scale = stepSize / Math.max(Math.sqrt(squares), 1e-12)
    for (let i = start; i < start + size; i++) value.data[i] = value.data[i]! + scale * gradient[i]!
  }
}

/** memory ← μ·memory + ∇/‖∇‖₁ for each example. */
function accumulate(
  memory: Float32Array,
  gradient: Float32Array,
  momentum: number,
  size: number,
): void {
  for (let start = 0; start < gradient.length; start += size) {
    let length = 0
    for (let i = start; i < start + size; i++) length += Math.abs(gradient[i]!)
    const scale = 1 / Math.max(length, 1e-12)
    for (let i = start; i < start + size; i++) {
      memory[i] = momentum * memory[i]! + scale * gradient[i]!
    }
  }
}
