/** Runs the steps of attempts on the device of the model, several at a time. */
import { int64, tensor, type Tensor } from '../engine/tensor/tensor.ts'
import type { OpenSteps, StepDefinition, StepPrecision } from '../model/step-programs.ts'
import type { Ball } from '../threat/ball.ts'
import type { Attempt } from './iterative-attack.ts'

/** The most steps in one run. */
const mostSteps = 10

/** The number of steps in a run while many attempts end within their first steps. */
const fewSteps = 2

/** The share of steps after the end of their attempt above which runs take few steps. */
const acceptedWaste = 1 / 4

/** A kind of step, and how attempts enter and leave a run of several. */
export interface DeviceAttack<State extends Attempt> {
  readonly definition: StepDefinition
  /** Steps of a start. */
  readonly steps: number
  /** What to feed for attempts, in their order. @param steps of this run */
  feed(attempts: readonly State[], steps: number, feeds: StepFeeds): void
  /**
   * Updates an attempt.
   * @returns the number of steps that it took, and whether it is finished
   */
  read(attempt: State, results: StepResults, steps: number): StepOutcome
}

/** What became of an attempt in one run. */
export interface StepOutcome {
  readonly taken: number
  readonly finished: boolean
}

/** Takes steps of all attempts, which have one left. Returns which of them are finished. */
export type Leap<State extends Attempt> = (attempts: readonly State[]) => Promise<boolean[]>

/**
 * Prepares runs of several steps. A run takes few at first, and more once most attempts go on to
 * its end, because an attempt that is finished is computed until the run returns.
 */
export function prepareLeap<State extends Attempt>(
  open: OpenSteps,
  attack: DeviceAttack<State>,
): Leap<State> {
  const many = Math.ceil(attack.steps / Math.ceil(attack.steps / mostSteps))
  let waste = 1
  return async (attempts) => {
    const steps = waste > acceptedWaste ? Math.min(fewSteps, many) : many
    const program = await open(attack.definition, steps)
    const feeds = new StepFeeds(program.precision)
    attack.feed(attempts, steps, feeds)
    const outputs = await program.run(feeds.tensors)
    const outcomes = attempts.map((attempt, row) =>
      attack.read(attempt, new StepResults(outputs, row), steps),
    )
    attempts.forEach((attempt, i) => (attempt.step += outcomes[i]!.taken))
    const taken = outcomes.reduce((sum, outcome) => sum + outcome.taken, 0)
    waste = 1 - taken / (steps * attempts.length)
    return outcomes.map(({ finished }) => finished)
  }
}

/** The feeds of a run, by name. */
export class StepFeeds {
  readonly tensors: Record<string, Tensor> = {}
  readonly #precision: StepPrecision

  constructor(precision: StepPrecision) {
    this.#precision = precision
  }

  /** Points `[n, …shape]` in float32. */
  points(name: string, points: readonly Float32Array[], shape: readonly number[]): void {
    const size = points[0]?.length ?? 0
    const data = new Float32Array(points.length * size)
    points.forEach((point, row) => data.set(point, row * size))
    this.tensors[name] = tensor('float32', [points.length, ...shape], data)
  }

  /** Points in the precision of steps. */
  precisePoints(name: string, points: readonly Float64Array[], shape: readonly number[]): void {
    const size = points[0]?.length ?? 0
    const isDouble = this.#precision === 'float64'
    const data = new (isDouble ? Float64Array : Float32Array)(points.length * size)
    points.forEach((point, row) => data.set(point, row * size))
    this.tensors[name] = tensor(this.#precision, [points.length, ...shape], data as never)
  }

  /** A mask, or other small integers, `[n]` in float32. */
  flags(name: string, values: readonly (number | boolean)[]): void {
    this.tensors[name] = tensor('float32', [values.length], Float32Array.from(values, Number))
  }

  /** Numbers `[n]` in the precision of steps; −∞ becomes the lowest number. */
  numbers(name: string, values: readonly number[]): void {
    const finite = values.map((value) => Math.max(value, -3e38))
    const data =
      this.#precision === 'float64' ? Float64Array.from(finite) : Float32Array.from(finite)
    this.tensors[name] = tensor(this.#precision, [values.length], data as never)
  }

  /** Classes `[n]` in int64. */
  classes(name: string, values: readonly number[]): void {
    this.tensors[name] = int64([values.length], values)
  }
}

/** The results of a run for one attempt. */
export class StepResults {
  readonly #outputs: Readonly<Record<string, Tensor>>
  readonly #row: number

  constructor(outputs: Readonly<Record<string, Tensor>>, row: number) {
    this.#outputs = outputs
    this.#row = row
  }

  /** A state after the last step, as a view. */
  next(name: string): Float32Array | Float64Array {
    return this.#rowOf(`next/${name}`)
  }

  /** Copies a point of the state; outside of Linf, where clipping is exact, projects it again. */
  copyPoint(name: string, ball: Ball, output: Float32Array): void {
    const point = this.next(name)
    if (ball.corners) output.set(point)
    else ball.project(Float64Array.from(point), output)
  }

  /** What a step reported, as a view. */
  report(name: string, step: number): Float32Array {
    return this.#rowOf(`${name}/${step}`) as Float32Array
  }

  #rowOf(name: string): Float32Array | Float64Array {
    const { data, shape } = this.#outputs[name]!
    const size = data.length / shape[0]!
    return (data as Float32Array).subarray(this.#row * size, (this.#row + 1) * size)
  }
}
