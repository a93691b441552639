/** Gradient steps on balls whose radius follows the decision boundary: the machinery of ddn and fmn. */
import {
  attackLosses,
  checkGradient,
  rowOf,
  scheduleTask,
  stackPoints,
  trackNearestAdversarial,
} from '../../../core/api/attack.ts'
import type { AttackLossName, AttackTask } from '../../../core/api/attack.ts'
import { sizeOf } from '../../../core/api/graph.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'

/** Where the search of one example stands. */
export interface RadiusSearch {
  readonly row: number
  /** The input. */
  readonly center: Float32Array
  /** Within the bounds; it may lie outside the ball of the threat model. */
  readonly point: Float32Array
  /** ε: how far from the center the next point may be. */
  radius: number
  /** Steps made. */
  step: number
}

/** What the model says at `point`. */
export interface RadiusReading {
  /** Of the loss, finite. */
  readonly gradient: Float32Array
  readonly logits: Float32Array
  /** Whether the point fools the model. */
  readonly fools: boolean
  /** ½ (1 + cos(πk/K)) at step k of K: from 1 down to 0, for annealing. */
  readonly cosine: number
}

/** What differs between attacks. */
export interface RadiusRule {
  /** 1 or more. */
  readonly steps: number
  /** The loss whose gradient `move` is given. */
  readonly loss: AttackLossName
  readonly firstRadius: number
  /** Changes the radius, then moves `point`. `scratch` is as long as a point, and its content means nothing between calls. */
  move(search: RadiusSearch, reading: RadiusReading, scratch: Float64Array): void
}

/**
 * Makes all steps for every example, whether or not one fools the model, and returns for each the nearest fooling point that lies within
 * the ball; see `keepNearest`. Every iterate is judged, the last one too. Starts at the input.
 * @throws RobenchError ROBENCH_MODEL_OUTPUT if a gradient is not finite.
 */
export async function radiusSearch(task: AttackTask, rule: RadiusRule): Promise<FloatTensor> {
  const { model, inputs, labels } = task
  const loss = attackLosses[rule.loss].expression
  const exampleShape = inputs.shape.slice(1)
  const scratch = new Float64Array(sizeOf(exampleShape))
  const nearest = trackNearestAdversarial(task)

  const stack = (searches: readonly RadiusSearch[]): FloatTensor =>
    stackPoints(
      searches.map(({ point }) => point),
      exampleShape,
    )

  const open = (row: number): RadiusSearch => {
    const center = rowOf(inputs, row)
    return { row, center, point: center.slice(), radius: rule.firstRadius, step: 0 }
  }

  const stepAll = async (searches: readonly RadiusSearch[]): Promise<void> => {
    if (searches.length === 0) return
    const own = Int32Array.from(searches, ({ row }) => labels[row]!)
    const answer = await model.gradient(stack(searches), own, loss)
    searches.forEach((search, place) => {
      const { row, step, point } = search
      const gradient = rowOf(answer.gradient, place)
      const logits = rowOf(answer.logits, place)
      checkGradient(gradient, `row ${row} at step ${step}`, { row, step })
      const fools = nearest.offer(row, point, logits)
      const cosine = (1 + Math.cos((Math.PI * step) / rule.steps)) / 2
      rule.move(search, { gradient, logits, fools, cosine }, scratch)
      search.step += 1
    })
  }

  const judgeAll = async (searches: readonly RadiusSearch[]): Promise<void> => {
    if (searches.length === 0) return
    const logits = await model.logits(stack(searches))
    searches.forEach(({ row, point }, place) => nearest.offer(row, point, rowOf(logits, place)))
  }

  const advance = async (active: readonly RadiusSearch[]): Promise<boolean[]> => {
    const finished = active.map(({ step }) => step === rule.steps)
    const closing = active.filter((_, place) => finished[place])
    await stepAll(active.filter((_, place) => !finished[place]))
    await judgeAll(closing)
    return finished
  }

  await scheduleTask(task, {
    open,
    advance,
  })
  return nearest.adversarial
}

/** Passes for any example: one of each kind a step, and a forward pass to judge the last point. */
export function radiusSearchCost({ steps }: Pick<RadiusRule, 'steps'>): {
  readonly forward: number
  readonly backward: number
} {
  return { forward: steps + 1, backward: steps }
}
