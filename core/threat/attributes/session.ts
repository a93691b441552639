/** Runs the attribute transform, image by image. */
import { ConfigError } from '../../base/errors.ts'
import { g } from '../../engine/graph/graph.ts'
import { gradient } from '../../engine/graph/gradient.ts'
import { Session } from '../../engine/graph/session.ts'
import { float32 } from '../../engine/tensor/tensor.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import type { Value } from '../../engine/graph/value.ts'
import type { AttributeName } from '../attributes.ts'
import { attributeTransform, missingColors } from './expression.ts'

/** How a session is opened. */
export interface AttributeSessionOptions {
  /** Of one image. */
  readonly shape: readonly [channels: number, height: number, width: number]
  /** The attributes that have values, in the order of the values. */
  readonly names: readonly AttributeName[]
  readonly bounds: readonly [low: number, high: number]
}

/**
 * Runs `attributeTransform` on one image at a time, so that a result does not depend on other
 * images: an attack, and the host that repeats its transform, get the same bits. `release` frees
 * native memory.
 */
export class AttributeSession {
  readonly names: readonly AttributeName[]
  readonly #options: AttributeSessionOptions
  #forward: Promise<Session> | undefined
  #backward: Promise<Session> | undefined

  /** @throws ConfigError ROBENCH_CONFIG for attributes that images of that shape do not have */
  constructor(options: AttributeSessionOptions) {
    const problem = missingColors(options.names, [1, ...options.shape])
    if (problem !== undefined) throw new ConfigError('ROBENCH_CONFIG', problem)
    this.names = options.names
    this.#options = options
  }

  /** T(x). @param values one for each of `names` */
  async apply(image: Float32Array, values: ArrayLike<number>): Promise<Float32Array> {
    if (this.names.length === 0) return image.slice()
    this.#forward ??= compileForward(this.#options)
    const outputs = await (await this.#forward).run(this.#feeds(image, values))
    return outputs['transformed']!.data as Float32Array
  }

  /**
   * The gradient of upstream·T(x) with respect to the values, one for each of `names`.
   * @param upstream in the shape of T(x)
   */
  async pullBack(
    image: Float32Array,
    values: ArrayLike<number>,
    upstream: Float32Array,
  ): Promise<Float32Array> {
    if (this.names.length === 0) return new Float32Array(0)
    this.#backward ??= compileBackward(this.#options)
    const feeds = { ...this.#feeds(image, values), upstream: this.#image(upstream) }
    const outputs = await (await this.#backward).run(feeds)
    return outputs['slopes']!.data as Float32Array
  }

  async release(): Promise<void> {
    for (const session of [this.#forward, this.#backward]) await (await session)?.release()
  }

  #feeds(image: Float32Array, values: ArrayLike<number>): Record<string, FloatTensor> {
    return {
      image: this.#image(image),
      values: float32([1, this.names.length], Float32Array.from(values)),
    }
  }

  #image(data: Float32Array): FloatTensor {
    return float32([1, ...this.#options.shape], data)
  }
}

function build({ shape, names, bounds }: AttributeSessionOptions): {
  readonly inputs: readonly Value[]
  readonly values: Value
  readonly transformed: Value
} {
  const image = g.input('image', 'float32', [1, ...shape])
  const values = g.input('values', 'float32', [1, names.length])
  const columns = names.map((_, i) => g.reshape(g.slice(values, [i], [i + 1], [1]), [1]))
  const named = Object.fromEntries(names.map((name, i) => [name, columns[i]!]))
  const transformed = attributeTransform(image, named, bounds)
  return { inputs: [image, values], values, transformed }
}

function compileForward(options: AttributeSessionOptions): Promise<Session> {
  const { inputs, transformed } = build(options)
  return Session.compile({ transformed }, inputs, {}, 'attribute transform')
}

function compileBackward(options: AttributeSessionOptions): Promise<Session> {
  const { inputs, values, transformed } = build(options)
  const upstream = g.input('upstream', 'float32', [1, ...options.shape])
  const [slopes] = gradient(transformed, [values], { upstream })
  return Session.compile(
    { slopes: slopes! },
    [...inputs, upstream],
    {},
    'gradient of the attribute transform',
  )
}
