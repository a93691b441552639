/** The reference PGD of the probes: plain projected gradient ascent that records its progress. */
import { attackLosses } from '../../attack/attack-loss.ts'
import type { AttackLossName } from '../../attack/attack-loss.ts'
import { runIterativeAttack } from '../../attack/iterative-attack.ts'
import type { Attempt } from '../../attack/iterative-attack.ts'
import { evaluateActive, preparePasses } from '../../attack/passes.ts'
import { drawStart } from '../../attack/random-start.ts'
import { steepestStep } from '../../attack/steepest-step.ts'
import type { Model } from '../../model/model.ts'
import { predictedClass } from '../../model/predictions.ts'
import type { RandomStream } from '../../base/random.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import type { Ball } from '../../threat/ball.ts'
import type { Norm, ThreatModel } from '../../threat/threat-model.ts'
import type { ProbeSession } from './probe-session.ts'

export interface ReferencePgdOptions {
  readonly loss: AttackLossName
  readonly steps: number
  /** Step size as a fraction of ε. */
  readonly stepFraction: number
  /** Replaces the ε of the threat model. */
  readonly epsilon: number
  readonly start: 'input' | 'random'
  /** Which gradients to use: the exact ones (default), or those of `surrogateOf`. */
  readonly gradients?: 'exact' | 'surrogate'
}

/** The progress of each example. */
export interface ReferencePgdTrace {
  /** The first step after which it was misclassified, 0 for the start; −1 if never. */
  readonly fooledAt: Int32Array
  /**
   * The highest loss up to each step, starting with the start; ends where the example is fooled.
   */
  readonly best: readonly (readonly number[])[]
}

/** Which examples were broken within the given number of steps: `[n]`, 1 or 0. */
export function brokenWithin({ fooledAt }: ReferencePgdTrace, steps = Infinity): Uint8Array {
  return Uint8Array.from(fooledAt, (at) => (at >= 0 && at <= steps ? 1 : 0))
}

/**
 * The same model with a backward pass that replaces every declared component, rounding, and
 * threshold by the identity: BPDA (Athalye, Carlini, Wagner 2018, arXiv:1802.00420).
 * @param draws the name of the random numbers of a stochastic model, restarted; by default it
 * continues with its current ones
 * @throws ConfigError if a component changes the shape; GraphError if the model has no graph
 */
export function surrogateOf(model: Model, draws?: string): Model {
  const components = Object.fromEntries(
    model.components.map(({ name }) => [name, 'identity' as const]),
  )
  return model.variant({ components, straightThrough: true, ...(draws !== undefined && { draws }) })
}

/** Examples that a model classifies correctly, and the balls around them: a `ProbeSession`. */
export interface AscentSubject {
  readonly model: Model
  /** `[n, c, h, w]` */
  readonly inputs: FloatTensor
  /** `[n]` */
  readonly labels: Int32Array
  readonly threatModel: ThreatModel
  readonly context: { readonly batchSize: number; readonly signal: AbortSignal }
  ball(row: number, threatModel: ThreatModel): Ball
  /** Random numbers of a start; a start at the input needs none. */
  stream(row: number, name: string): RandomStream
}

interface ReferenceAttempt extends Attempt {
  readonly ball: Ball
}

/**
 * Projected gradient ascent (Madry et al. 2018, arXiv:1706.06083) from one start. Components of a
 * gradient that are not finite count as zero, so that there is a trace where an attack would fail.
 * Results are cached by options.
 * Cost for an example that is never fooled: a forward and a backward pass per step, and one forward
 * pass.
 */
export function referencePgd(
  probeSession: ProbeSession,
  options: ReferencePgdOptions,
): Promise<ReferencePgdTrace> {
  const { loss, steps, stepFraction, epsilon, start, gradients = 'exact' } = options
  const name = ['climb', loss, steps, stepFraction, epsilon, start, gradients].join(' ')
  return probeSession.once(name, () => runReferencePgd(probeSession, options))
}

/** `referencePgd` without a cache. */
export async function runReferencePgd(
  subject: AscentSubject,
  options: ReferencePgdOptions,
): Promise<ReferencePgdTrace> {
  const { labels, inputs, context, model } = subject
  const { steps, stepFraction, epsilon } = options
  const threatModel = { ...subject.threatModel, epsilon }
  const scratch = new Float64Array(inputs.data.length / labels.length)
  const fooledAt = new Int32Array(labels.length).fill(-1)
  const best = Array.from(labels, (): number[] => [])
  const passes = preparePasses<ReferenceAttempt>({
    model: options.gradients === 'surrogate' ? surrogateOf(model) : model,
    exampleShape: inputs.shape.slice(1),
    loss: attackLosses[options.loss],
    label: ({ row }) => labels[row]!,
  })
  const { batchSize, signal } = context
  const task = { labels, batchSize, signal, progress: () => {} }

  await runIterativeAttack<ReferenceAttempt>(task, {
    open(row) {
      const ball = subject.ball(row, threatModel)
      const point = ball.center.slice()
      if (options.start === 'random') {
        drawStart(ball, subject.stream(row, 'start'), scratch)
        ball.project(scratch, point)
      }
      return { row, ball, point, step: 0, steps }
    },
    evaluate: (active) => evaluateActive(active, passes),
    judge({ row, step }, { logits, loss }) {
      best[row]!.push(Math.max(best[row]!.at(-1) ?? -Infinity, loss))
      if (predictedClass(logits) === labels[row]) return false
      fooledAt[row] = step
      return true
    },
    step({ ball, point }, gradient) {
      takeStep(threatModel.norm, point, finite(gradient), stepFraction * epsilon, scratch)
      ball.project(scratch, point)
    },
  })
  return { fooledAt, best }
}

function finite(gradient: Float32Array): Float32Array {
  return gradient.map((value) => (Number.isFinite(value) ? value : 0))
}

/**
 * The steepest step. In L1, the twentieth of the components with the largest gradients share the
 * step (Tramèr and Boneh 2019, arXiv:1904.13000).
 */
function takeStep(
  norm: Norm,
  point: Float32Array,
  gradient: Float32Array,
  length: number,
  output: Float64Array,
): void {
  if (norm !== 'L1') {
    const velocity = new Float64Array(0)
    steepestStep(norm, { point, gradient, velocity, momentum: 0, length, output })
    return
  }
  const count = Math.ceil(gradient.length / 20)
  const magnitudes = gradient.map(Math.abs).toSorted()
  const threshold = magnitudes[magnitudes.length - count]!
  for (let i = 0; i < output.length; i++) {
    const moves = gradient[i] !== 0 && Math.abs(gradient[i]!) >= threshold
    output[i] = point[i]! + (moves ? (Math.sign(gradient[i]!) * length) / count : 0)
  }
}
