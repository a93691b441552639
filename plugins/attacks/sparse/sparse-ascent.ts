/**
 * Projected gradient ascent on a mask of pixels and on their values: the algorithm of sparse-pgd.
 */
import {
  attackLosses,
  checkGradient,
  createBall,
  evaluateActive,
  preparePasses,
  rowOf,
  runIterativeAttack,
  trackBestAdversarial,
} from '../../../core/api/attack.ts'
import type {
  AttackFindings,
  AttackLossName,
  AttackTask,
  Attempt,
  Ball,
} from '../../../core/api/attack.ts'
import { sizeOf } from '../../../core/api/graph.ts'

export interface SparseAscentOptions {
  /** Gradient steps per start, 1 or more. */
  readonly steps: number
  /** Starts, 1 or more. */
  readonly restarts: number
  readonly loss: AttackLossName
  /** α: change of each value per step, as a fraction of the width of the bounds. */
  readonly stepSize: number
  /** β: Euclidean length of a step of the mask, divided by the square root of its pixels. */
  readonly maskStep: number
  /** Whether values of all pixels change, or only those of the chosen ones. */
  readonly valueGradient: 'unprojected' | 'projected'
  /** Steps without a change of the chosen pixels after which the mask is drawn again. */
  readonly patience: number
}

interface SparseAttempt extends Attempt {
  readonly ball: Ball
  /** p: the change of each component, were its pixel chosen. */
  readonly values: Float64Array
  /** m̃, one number per pixel: those with the largest ones are chosen. */
  readonly mask: Float64Array
  /** The chosen pixels, ascending. */
  chosen: Uint32Array
  /** Successive steps that have not changed them. */
  unchanged: number
  restart: number
}

/** The state that all attempts share. */
interface SparseRun {
  readonly task: AttackTask
  readonly options: SparseAscentOptions
  readonly channels: number
  readonly pixels: number
  /** Scratch, as long as a point. */
  readonly candidate: Float64Array
  /** Scratch: the gradient of the mask. */
  readonly slopes: Float64Array
}

/** A mask whose gradient is shorter than this does not move, as in the authors' code. */
const shortest = 2e-10

/**
 * Maximizes the loss over δ = p ⊙ m, with values p within the bounds and the mask m that chooses
 * the ⌊ε⌋ pixels with the largest m̃. A step moves m̃ by β·√h·w along its normalized gradient, as
 * if δ were p ⊙ σ(m̃), and p by α along the signs of its gradient: `unprojected`, in all pixels, or
 * `projected`, in the chosen ones only. If the chosen pixels stay the same for `patience` steps, m̃
 * is drawn again. A start draws m̃ from N(0, 1), and p uniformly.
 *
 * Differs from the authors' code: the loss is the same for all examples, where theirs changes from
 * cross-entropy to the margin at a margin of 0.5; patience is counted per example, where theirs is
 * reset for a whole batch; every iterate is judged, including the start.
 * @see Zhong, Huang, Liu 2024, "Towards efficient training and evaluation of robust models against
 * l0 bounded adversarial perturbations", arXiv:2405.05075, algorithm 1
 * @throws RobenchError ROBENCH_MODEL_OUTPUT if a gradient is not finite
 */
export async function sparseAscent(
  task: AttackTask,
  options: SparseAscentOptions,
): Promise<AttackFindings> {
  const { model, inputs, labels, threatModel } = task
  const { channels = 1 } = threatModel
  const exampleShape = inputs.shape.slice(1)
  const size = sizeOf(exampleShape)
  const run: SparseRun = {
    task,
    options,
    channels,
    pixels: size / channels,
    candidate: new Float64Array(size),
    slopes: new Float64Array(size / channels),
  }
  const best = trackBestAdversarial(task)
  const passes = preparePasses<SparseAttempt>({
    model,
    exampleShape,
    loss: attackLosses[options.loss],
    label: ({ row }) => labels[row]!,
  })
  await runIterativeAttack<SparseAttempt>(task, {
    open: (row) => open(run, row),
    evaluate: (active) => evaluateActive(active, passes),
    judge: ({ row, point }, { logits }) => best.record(row, point, logits),
    step: (attempt, gradient) => step(run, attempt, gradient),
    restart(attempt) {
      attempt.restart += 1
      if (attempt.restart >= options.restarts) return false
      start(run, attempt)
      return true
    },
  })
  return best.findings
}

/** Passes for an example that is never fooled. */
export function sparseAscentCost({
  steps,
  restarts,
}: Pick<SparseAscentOptions, 'steps' | 'restarts'>): {
  readonly forward: number
  readonly backward: number
} {
  return { forward: restarts * (steps + 1), backward: restarts * steps }
}

function open(run: SparseRun, row: number): SparseAttempt {
  const { task, options, pixels, candidate } = run
  const attempt: SparseAttempt = {
    row,
    ball: createBall(task.threatModel, rowOf(task.inputs, row)),
    point: new Float32Array(candidate.length),
    values: new Float64Array(candidate.length),
    mask: new Float64Array(pixels),
    chosen: new Uint32Array(0),
    unchanged: 0,
    restart: 0,
    step: 0,
    steps: options.steps,
  }
  start(run, attempt)
  return attempt
}

/** Draws values and mask. */
function start(run: SparseRun, attempt: SparseAttempt): void {
  const { task } = run
  const { row, restart, values, ball } = attempt
  const [low, high] = task.threatModel.bounds
  const stream = task.rng.stream(row, restart, 'values')
  for (let i = 0; i < values.length; i++) {
    values[i] = clipValue((high - low) * (2 * stream.uniform() - 1), ball.center[i]!, low, high)
  }
  drawMask(run, attempt)
}

/** Draws the mask. */
function drawMask(run: SparseRun, attempt: SparseAttempt): void {
  const { row, restart, step, mask } = attempt
  run.task.rng.stream(row, restart, `mask ${step}`).fillNormal(mask)
  attempt.unchanged = 0
  present(run, attempt)
}

/** Chooses the pixels with the largest mask, and updates the point. */
function present({ task, pixels, candidate }: SparseRun, attempt: SparseAttempt): void {
  const { ball, mask, values, point } = attempt
  attempt.chosen = largestPixels(mask, Math.min(Math.floor(task.threatModel.epsilon), pixels))
  candidate.set(ball.center)
  for (const pixel of attempt.chosen) {
    for (let i = pixel; i < values.length; i += pixels) candidate[i]! += values[i]!
  }
  ball.project(candidate, point)
}

function step(run: SparseRun, attempt: SparseAttempt, gradient: Float32Array): void {
  const { row, step, restart, chosen, unchanged } = attempt
  checkGradient(gradient, `row ${row} at step ${step} of restart ${restart}`, {
    row,
    step,
    restart,
  })
  if (unchanged >= run.options.patience) {
    drawMask(run, attempt)
    return
  }
  moveMask(run, attempt, gradient)
  moveValues(run, attempt, gradient)
  present(run, attempt)
  const isSame = attempt.chosen.every((pixel, place) => pixel === chosen[place])
  attempt.unchanged = isSame ? unchanged + 1 : 0
}

/** ∂ℓ/∂m̃ = σ'(m̃)·Σ over channels of p·∂ℓ/∂δ */
function moveMask(
  { options, pixels, slopes }: SparseRun,
  { mask, values }: SparseAttempt,
  gradient: Float32Array,
): void {
  slopes.fill(0)
  for (let i = 0; i < values.length; i++) slopes[i % pixels]! += values[i]! * gradient[i]!
  let squares = 0
  for (let pixel = 0; pixel < pixels; pixel++) {
    const share = 1 / (1 + Math.exp(-mask[pixel]!))
    slopes[pixel]! *= share * (1 - share)
    squares += slopes[pixel]! ** 2
  }
  const length = Math.sqrt(squares)
  if (length < shortest) return
  const scale = (options.maskStep * Math.sqrt(pixels)) / length
  for (let pixel = 0; pixel < pixels; pixel++) mask[pixel]! += scale * slopes[pixel]!
}

function moveValues(
  { task, options, pixels }: SparseRun,
  { ball, values, chosen }: SparseAttempt,
  gradient: Float32Array,
): void {
  const [low, high] = task.threatModel.bounds
  const length = options.stepSize * (high - low)
  const moved =
    options.valueGradient === 'projected'
      ? chosen
      : Uint32Array.from({ length: pixels }, (_, i) => i)
  for (const pixel of moved) {
    for (let i = pixel; i < values.length; i += pixels) {
      const value = values[i]! + length * Math.sign(gradient[i]!)
      values[i] = clipValue(value, ball.center[i]!, low, high)
    }
  }
}

/** The `count` pixels with the largest values, the first of equal ones, in ascending order. */
function largestPixels(values: Float64Array, count: number): Uint32Array {
  const order = Uint32Array.from(values.keys())
  return order
    .sort((a, b) => values[b]! - values[a]! || a - b)
    .slice(0, count)
    .sort()
}

/** The change of a component, limited to the bounds. */
function clipValue(value: number, center: number, low: number, high: number): number {
  return Math.min(Math.max(value, low - center), high - center)
}
