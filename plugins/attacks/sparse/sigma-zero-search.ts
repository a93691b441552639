/** A smooth penalty on the number of changed pixels: the algorithm of sigma-zero. */
import {
  adamStep,
  attackLosses,
  checkGradient,
  evaluateActive,
  preparePasses,
  rowOf,
  runIterativeAttack,
  startAdam,
  trackNearestAdversarial,
  kernels,
} from '../../../core/api/attack.ts'
import type { AdamState, AttackTask, Attempt } from '../../../core/api/attack.ts'
import { sizeOf } from '../../../core/api/graph.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'

export interface SigmaZeroOptions {
  /** 1 or more. */
  readonly steps: number
  /** η₀: learning rate of Adam at the first step; annealed to a tenth. */
  readonly stepSize: number
  /** σ: a pixel whose change is much longer than √σ counts as one. */
  readonly smoothing: number
  /** τ₀: changes below it are set to zero after the first step. */
  readonly threshold: number
  /** t: change of τ per step, as a fraction of η. */
  readonly thresholdChange: number
}

interface SigmaZeroAttempt extends Attempt {
  readonly center: Float32Array
  /** δ, in units of the width of the bounds. */
  readonly change: Float64Array
  readonly adam: AdamState
  /** τ, in the same units. */
  threshold: number
  fools: boolean
}

/**
 * The minimum number of changed pixels: minimizes max(z_y − max_{i≠y} z_i, 0) + ℓ̂₀(δ) by Adam on
 * the gradient divided by its largest component, with δ in units of the width of the bounds and
 * ℓ̂₀(δ) = (1/p)·Σ ‖δ_j‖² / (‖δ_j‖² + σ) over the p pixels. After each step, pixels whose
 * components all changed by less than τ are restored; τ grows by t·η if the last point fooled the
 * model, and shrinks by as much otherwise.
 *
 * Differs from the paper: it counts pixels, not components, so ‖δ_j‖² and the threshold cover all
 * channels of a pixel (the same for one channel); the last point is judged too.
 * @see Cinà, Villani, Pintor, Schönherr, Biggio, Pelillo 2024, "σ-zero: gradient-based optimization
 * of ℓ0-norm adversarial examples", arXiv:2402.01879, algorithm 1
 * @throws RobenchError ROBENCH_MODEL_OUTPUT if a gradient is not finite
 */
export async function sigmaZeroSearch(
  task: AttackTask,
  options: SigmaZeroOptions,
): Promise<FloatTensor> {
  const { model, inputs, labels } = task
  const exampleShape = inputs.shape.slice(1)
  const scratch = new Float64Array(sizeOf(exampleShape))
  const nearest = trackNearestAdversarial(task)
  const passes = preparePasses<SigmaZeroAttempt>({
    model,
    exampleShape,
    loss: attackLosses.margin,
    label: ({ row }) => labels[row]!,
  })
  await runIterativeAttack<SigmaZeroAttempt>(task, {
    open(row) {
      const center = rowOf(inputs, row)
      return {
        row,
        center,
        point: center.slice(),
        change: new Float64Array(center.length),
        adam: startAdam(center.length),
        threshold: options.threshold,
        fools: false,
        step: 0,
        steps: options.steps,
      }
    },
    evaluate: (active) => evaluateActive(active, passes),
    judge(attempt, { logits }) {
      attempt.fools = nearest.record(attempt.row, attempt.point, logits)
      return false
    },
    step(attempt, gradient, { loss }) {
      const { row, step } = attempt
      checkGradient(gradient, `row ${row} at step ${step}`, { row, step })
      descend(task, options, attempt, { gradient, margin: loss, scratch })
    },
  })
  return nearest.adversarial
}

/** Passes for any example: a forward and a backward pass per step, and one for the last point. */
export function sigmaZeroCost({ steps }: Pick<SigmaZeroOptions, 'steps'>): {
  readonly forward: number
  readonly backward: number
} {
  return { forward: steps + 1, backward: steps }
}

function descend(
  { threatModel }: AttackTask,
  options: SigmaZeroOptions,
  attempt: SigmaZeroAttempt,
  given: {
    readonly gradient: Float32Array
    readonly margin: number
    readonly scratch: Float64Array
  },
): void {
  const { bounds, channels = 1 } = threatModel
  const { change, center, point, step, steps } = attempt
  const [low, high] = bounds
  const width = high - low
  const { scratch } = given
  writeAscent(options, attempt, { ...given, channels, width })
  adamStep(attempt.adam, change, scratch, rateAt(options, step - 1, steps), change)
  for (let i = 0; i < change.length; i++) {
    change[i] = Math.min(
      Math.max(change[i]!, (low - center[i]!) / width),
      (high - center[i]!) / width,
    )
  }
  const rate = options.thresholdChange * rateAt(options, step, steps)
  const moved = attempt.threshold + (attempt.fools ? rate : -rate)
  attempt.threshold = Math.min(Math.max(moved, 0), 1)
  restoreSmallChanges(change, channels, attempt.threshold)
  for (let i = 0; i < change.length; i++) scratch[i] = center[i]! + width * change[i]!
  kernels.clipToBounds(scratch, bounds, point)
}

/** η at a step; η₀ before the first one. */
function rateAt({ stepSize }: SigmaZeroOptions, step: number, steps: number): number {
  if (step < 0) return stepSize
  return stepSize * (0.1 + (0.9 * (1 + Math.cos((Math.PI * step) / steps))) / 2)
}

/**
 * Writes the negative gradient of the objective to `scratch`, divided by its largest component. Of
 * the penalty, it is −2·δ_i·σ / (p·(‖δ_j‖² + σ)²) for a component i of pixel j.
 */
function writeAscent(
  { smoothing }: SigmaZeroOptions,
  { change }: SigmaZeroAttempt,
  given: {
    readonly gradient: Float32Array
    readonly margin: number
    readonly scratch: Float64Array
    readonly channels: number
    readonly width: number
  },
): void {
  const { gradient, margin, scratch, channels, width } = given
  const pixels = change.length / channels
  let largest = 1e-12
  for (let pixel = 0; pixel < pixels; pixel++) {
    let squares = 0
    for (let i = pixel; i < change.length; i += pixels) squares += change[i]! ** 2
    const slope = (2 * smoothing) / (pixels * (squares + smoothing) ** 2)
    for (let i = pixel; i < change.length; i += pixels) {
      const rise = margin < 0 ? width * gradient[i]! : 0
      scratch[i] = rise - slope * change[i]!
      largest = Math.max(largest, Math.abs(scratch[i]!))
    }
  }
  for (let i = 0; i < scratch.length; i++) scratch[i]! /= largest
}

/** Sets pixels to zero whose components are all below the threshold. */
function restoreSmallChanges(change: Float64Array, channels: number, threshold: number): void {
  const pixels = change.length / channels
  for (let pixel = 0; pixel < pixels; pixel++) {
    let largest = 0
    for (let i = pixel; i < change.length; i += pixels) {
      largest = Math.max(largest, Math.abs(change[i]!))
    }
    if (largest >= threshold) continue
    for (let i = pixel; i < change.length; i += pixels) change[i] = 0
  }
}
