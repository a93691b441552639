/** Passes through the model at the points of attempts, in batches. */
import { sumBy } from '../base/sum.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import type { Model } from '../model/model.ts'
import type { AttackLoss, TargetedAttackLoss } from './attack-loss.ts'
import { prepareStack, rowOf } from './batch.ts'
import type { Attempt, Evaluation } from './iterative-attack.ts'

/** How to evaluate the points of attempts. Results are in the order of the attempts. */
export interface Passes<State extends Attempt> {
  /** Logits and losses. One forward pass per attempt and sample. */
  forward(attempts: readonly State[]): Promise<readonly Evaluation[]>
  /** Logits, losses, and gradients. One forward and one backward pass per attempt and sample. */
  gradient(attempts: readonly State[]): Promise<readonly Evaluation[]>
}

/** The passes that `preparePasses` prepares. */
export interface PassesSetup<State extends Attempt> {
  readonly model: Model
  /** Shape of one example, `[c, h, w]` */
  readonly exampleShape: readonly number[]
  readonly loss: AttackLoss | TargetedAttackLoss
  /** The label in the loss. */
  label(attempt: State): number
  /** The target class, for a targeted loss only. */
  target?(attempt: State): number
  /** Passes to average, for stochastic models (EOT); 1 by default. */
  readonly samples?: number
}

/**
 * Prepares passes for attempts. All batches share one buffer, so that attacks of thousands of
 * batches do not load the garbage collector. With several samples, logits, losses, and gradients
 * are means over them.
 */
export function preparePasses<State extends Attempt>({
  model,
  exampleShape,
  loss,
  label,
  target,
  samples = 1,
}: PassesSetup<State>): Passes<State> {
  const stack = prepareStack(exampleShape)

  const evaluate = async (
    attempts: readonly State[],
    pass: (points: FloatTensor) => Promise<{ logits: FloatTensor; gradient?: FloatTensor }>,
  ): Promise<readonly Evaluation[]> => {
    const points = stack(attempts.map(({ point }) => point))
    const drawn: Evaluation[][] = attempts.map(() => [])
    for (let sample = 0; sample < samples; sample++) {
      const { logits, gradient } = await pass(points)
      attempts.forEach((attempt, place) => {
        const own = rowOf(logits, place)
        drawn[place]!.push({
          logits: own,
          loss: loss.value(own, label(attempt), target?.(attempt) ?? -1),
          ...(gradient && { gradient: rowOf(gradient, place) }),
        })
      })
    }
    return drawn.map(meanOf)
  }

  return {
    forward: (attempts) =>
      evaluate(attempts, async (points) => ({ logits: await model.logits(points) })),
    gradient(attempts) {
      const labels = Int32Array.from(attempts, label)
      const targets = target && Int32Array.from(attempts, target)
      return evaluate(attempts, (points) =>
        model.gradient(points, labels, loss.expression, targets),
      )
    },
  }
}

/**
 * Evaluates attempts in their order: first those with a step left, by gradient passes, then those
 * at their final point, by forward passes.
 */
export async function evaluateActive<State extends Attempt>(
  active: readonly State[],
  { forward, gradient }: Passes<State>,
): Promise<readonly Evaluation[]> {
  const moving = active.filter(({ step, steps }) => step < steps)
  const final = active.filter(({ step, steps }) => step >= steps)
  const evaluations = new Map<State, Evaluation>()
  for (const [attempts, evaluate] of [
    [moving, gradient],
    [final, forward],
  ] as const) {
    if (attempts.length === 0) continue
    const results = await evaluate(attempts)
    attempts.forEach((attempt, place) => evaluations.set(attempt, results[place]!))
  }
  return active.map((attempt) => evaluations.get(attempt)!)
}

function meanOf(samples: readonly Evaluation[]): Evaluation {
  const [first] = samples
  if (samples.length === 1) return first!
  return {
    logits: meanArray(samples.map(({ logits }) => logits)),
    loss: sumBy(samples, ({ loss }) => loss) / samples.length,
    ...(first!.gradient && { gradient: meanArray(samples.map(({ gradient }) => gradient!)) }),
  }
}

/** Computed in float64 and rounded once. */
function meanArray(parts: readonly Float32Array[]): Float32Array {
  return Float32Array.from(parts[0]!, (_, i) => sumBy(parts, (part) => part[i]!) / parts.length)
}
