/** Steps of the variables of inner attacks as expressions, for a training on a device. */
import { g } from '../engine/graph/graph.ts'
import type { Value } from '../engine/graph/value.ts'
import type { ThreatModel } from '../threat/threat-model.ts'

/** What a step of a variable sees, all float32. */
export interface VariableStepParts {
  /** The variable `[n, …]`. */
  readonly value: Value
  /** Of the loss, in the shape of the variable. */
  readonly gradient: Value
  /** Clean images `[n, c, h, w]`. */
  readonly clean: Value
  /** Factor of radii and step sizes, a scalar. */
  readonly scale: Value
  /** The variable's memory, in its shape; 0 before the first step. */
  readonly memory: Value
}

/** A variable and its memory after a step. */
export interface VariableStep {
  readonly value: Value
  readonly memory: Value
}

/** `imageVariable`'s step: along signs in Linf, unit vectors in L2, then the projection. */
export function imageStep(
  { value, gradient, clean, scale, memory }: VariableStepParts,
  { threatModel, stepSize, momentum }: ImageStepOptions,
): VariableStep {
  const { norm, epsilon, bounds } = threatModel
  const [low, high] = bounds
  const radius = g.mul(scale, epsilon)
  const length = g.mul(scale, stepSize)
  const kept = momentum > 0 ? g.add(g.mul(memory, momentum), withUnitSum(gradient)) : memory
  const direction = momentum > 0 ? kept : gradient
  if (norm === 'Linf') {
    const moved = g.add(value, g.mul(length, signsOf(direction)))
    const above = g.max(g.max(moved, g.sub(clean, radius)), low)
    return { value: g.min(g.min(above, g.add(clean, radius)), high), memory: kept }
  }
  const away = g.sub(g.add(value, g.mul(length, withUnitLength(direction))), clean)
  const shrink = g.min(g.div(radius, g.max(lengthsOf(away), 1e-12)), 1)
  return { value: g.min(g.max(g.add(clean, g.mul(away, shrink)), low), high), memory: kept }
}

/** What determines the steps of an image. */
export interface ImageStepOptions {
  readonly threatModel: ThreatModel
  readonly stepSize: number
  readonly momentum: number
}

/** A step along the gradient's sign in a box of constant corners around `neutral`. */
export function boxStep(
  { value, gradient, scale, memory }: VariableStepParts,
  { low, high, stepSizes, neutral }: BoxStepOptions,
): VariableStep {
  const row = (values: readonly number[]): Value => g.floats([values.length], values)
  const center = row(neutral)
  const corner = (values: readonly number[]): Value =>
    g.add(center, g.mul(scale, row(values.map((limit, k) => limit - neutral[k]!))))
  const moved = g.add(value, g.mul(g.mul(scale, row(stepSizes)), signsOf(gradient)))
  return { value: g.min(g.max(moved, corner(low)), corner(high)), memory }
}

/** What determines the steps of a box: a number for each component, or one for all. */
export interface BoxStepOptions {
  readonly low: readonly number[]
  readonly high: readonly number[]
  readonly stepSizes: readonly number[]
  readonly neutral: readonly number[]
}

/** Of each component, without `Sign`, for which the WebGPU provider has no kernel. */
function signsOf(values: Value): Value {
  const signOf = (is: Value): Value => g.cast(is, 'float32')
  return g.sub(signOf(g.greater(values, 0)), signOf(g.greater(0, values)))
}

/** Rows of unit L2 norm; rows of zeros stay. In float32, the squares of a small row vanish. */
function withUnitLength(values: Value): Value {
  const largest = g.reduceMax(g.abs(values), componentsOf(values), true)
  const scaled = g.div(values, g.where(g.greater(largest, 0), largest, 1))
  return g.div(scaled, g.max(lengthsOf(scaled), 1e-12))
}

/** Rows of unit L1 norm; rows of zeros stay. */
function withUnitSum(values: Value): Value {
  const sums = g.reduceSum(g.abs(values), componentsOf(values), true)
  return g.div(values, g.max(sums, 1e-12))
}

/** The L2 norm of each row, `[n, 1, …]`. */
function lengthsOf(values: Value): Value {
  return g.sqrt(g.reduceSumSquare(values, componentsOf(values), true))
}

function componentsOf({ shape }: Value): number[] {
  return shape.slice(1).map((_, axis) => axis + 1)
}
