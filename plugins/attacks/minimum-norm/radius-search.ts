/** Gradient steps on balls with an adaptive radius: the search of ddn and fmn. */
import {
  attackLosses,
  checkGradient,
  distance,
  evaluateActive,
  preparePasses,
  rowOf,
  runIterativeAttack,
  trackNearestAdversarial,
} from '../../../core/api/attack.ts'
import type { AttackLossName, AttackTask, Attempt } from '../../../core/api/attack.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'
import { sizeOf } from '../../../core/api/graph.ts'

/**
 * The search of one example. Its point lies within the bounds, and may lie outside the ball of the
 * threat model.
 */
export interface RadiusSearch extends Attempt {
  /** The input. */
  readonly center: Float32Array
  /** ε: maximum distance of the next point from the center. */
  radius: number
  /** Distance of the farthest point within the bounds: of the most distant corner. */
  readonly farthest: number
  /** Whether the point fools the model. */
  fools: boolean
}

/** Model output at the point of a search. */
export interface RadiusEvaluation {
  /** Gradient of the loss; finite. */
  readonly gradient: Float32Array
  readonly logits: Float32Array
  /** ½ (1 + cos(πk/K)) at step k of K: anneals from 1 to 0. */
  readonly cosine: number
}

/** The parts that differ between attacks. */
export interface RadiusMethod {
  /** 1 or more. */
  readonly steps: number
  /** The loss whose gradient `move` receives. */
  readonly loss: AttackLossName
  readonly firstRadius: number
  /**
   * Updates the radius, then moves `point`. `scratch` is as long as a point; its content is not
   * preserved between calls.
   */
  move(search: RadiusSearch, evaluation: RadiusEvaluation, scratch: Float64Array): void
}

/**
 * Takes all steps for every example, whether or not a point fools the model, and returns for each
 * the nearest fooling point within the ball; see `trackNearestAdversarial`. It starts at the input.
 * Every iterate is judged, including the last one.
 * @throws RobenchError ROBENCH_MODEL_OUTPUT if a gradient is not finite
 */
export async function radiusSearch(task: AttackTask, method: RadiusMethod): Promise<FloatTensor> {
  const { model, inputs, labels, threatModel } = task
  const { norm, bounds } = threatModel
  const { steps, firstRadius } = method
  const exampleShape = inputs.shape.slice(1)
  const scratch = new Float64Array(sizeOf(exampleShape))
  const nearest = trackNearestAdversarial(task)
  const passes = preparePasses<RadiusSearch>({
    model,
    exampleShape,
    loss: attackLosses[method.loss],
    label: ({ row }) => labels[row]!,
  })
  await runIterativeAttack<RadiusSearch>(task, {
    open(row) {
      const center = rowOf(inputs, row)
      const corner = center.map((x) => (x - bounds[0] > bounds[1] - x ? bounds[0] : bounds[1]))
      return {
        row,
        center,
        point: center.slice(),
        radius: firstRadius,
        farthest: distance(norm, center, corner),
        fools: false,
        step: 0,
        steps,
      }
    },
    evaluate: (active) => evaluateActive(active, passes),
    judge(search, { logits }) {
      search.fools = nearest.record(search.row, search.point, logits)
      return false
    },
    step(search, gradient, { logits }) {
      const { row, step } = search
      checkGradient(gradient, `row ${row} at step ${step}`, { row, step })
      const cosine = (1 + Math.cos((Math.PI * step) / steps)) / 2
      method.move(search, { gradient, logits, cosine }, scratch)
    },
  })
  return nearest.adversarial
}

/** Passes for any example: a forward and a backward pass per step, and one for the last point. */
export function radiusSearchCost({ steps }: Pick<RadiusMethod, 'steps'>): {
  readonly forward: number
  readonly backward: number
} {
  return { forward: steps + 1, backward: steps }
}
