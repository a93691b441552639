/** The restart driver of iterative attacks: evaluate, judge, step, restart. */
import { scheduleTask } from './batch-scheduler.ts'
import type { BatchedTask } from './batch-scheduler.ts'

/** One example in an iterative attack. Attacks extend it with their own state. */
export interface Attempt {
  readonly row: number
  /** The point that the model evaluates next. */
  readonly point: Float32Array
  /** Steps since the last start; counted by the driver. */
  step: number
  /** Steps from a start to its final point, 0 or more. */
  readonly steps: number
}

/** Model output at the point of an attempt. */
export interface Evaluation {
  /** `[k]` */
  readonly logits: Float32Array
  /** The attack's loss, in float64. */
  readonly loss: number
  /** Gradient of the loss at the point. Absent at a final point, after which no step follows. */
  readonly gradient?: Float32Array
}

/** The parts of an iterative attack. Each hook reads and changes the state of one attempt only. */
export interface IterativeAttack<State extends Attempt, Result extends Evaluation = Evaluation> {
  /** Creates the attempt of an example at its first start; undefined skips the example. */
  open(row: number): State | undefined
  /** Evaluates every attempt at its point, in order. See `evaluateActive`. */
  evaluate(active: readonly State[]): Promise<readonly Result[]>
  /**
   * Takes one or more steps of attempts that have a step left, with all that belongs to them, and
   * advances their `step`. Returns which of them are finished. Replaces evaluations and steps of
   * these attempts: see `prepareLeap`.
   */
  leap?(moving: readonly State[]): Promise<readonly boolean[]>
  /** Records an evaluation. Returns true if the attempt is finished. */
  judge(attempt: State, evaluation: Result): boolean
  /** Moves the point along the gradient; not called at a final point. */
  step(attempt: State, gradient: Float32Array, evaluation: Result): void | Promise<void>
  /**
   * Moves the point to the next start, after a final point. Returns false if no start is left.
   * Omit it for attacks with a single start.
   */
  restart?(attempt: State): boolean
}

/**
 * Runs an iterative attack on all examples of a task. In each round, all active attempts are
 * evaluated; an attempt that `judge` does not finish then steps, or restarts if its point was
 * final. Finished attempts are replaced by new ones at once, so batches stay full, and outcomes
 * depend on neither the batch size nor the other examples.
 * @throws whatever `scheduleBatches` or a hook throws
 */
export function runIterativeAttack<State extends Attempt, Result extends Evaluation = Evaluation>(
  task: BatchedTask,
  attack: IterativeAttack<State, Result>,
): Promise<void> {
  const evaluate = async (active: readonly State[]): Promise<boolean[]> => {
    const evaluations = await attack.evaluate(active)
    const finished: boolean[] = []
    for (const [place, attempt] of active.entries()) {
      const evaluation = evaluations[place]!
      finished.push(attack.judge(attempt, evaluation) || (await isOver(attempt, evaluation)))
    }
    return finished
  }

  const advance = async (active: readonly State[]): Promise<boolean[]> => {
    if (!attack.leap) return evaluate(active)
    const isMoving = active.map(({ step, steps }) => step < steps)
    const moving = active.filter((_, place) => isMoving[place])
    const final = active.filter((_, place) => !isMoving[place])
    const moved = moving.length > 0 ? [...(await attack.leap(moving))] : []
    const evaluated = final.length > 0 ? await evaluate(final) : []
    return isMoving.map((isOne) => (isOne ? moved.shift()! : evaluated.shift()!))
  }

  /** Steps or restarts. Returns true if neither is left. */
  const isOver = async (attempt: State, evaluation: Result): Promise<boolean> => {
    if (evaluation.gradient) {
      await attack.step(attempt, evaluation.gradient, evaluation)
      attempt.step += 1
      return false
    }
    attempt.step = 0
    return attack.restart?.(attempt) !== true
  }

  return scheduleTask<State>(task, { open: (row) => attack.open(row), advance })
}
