/** DeepFool, from linearization to linearization until the model is fooled: the machinery of deepfool. */
import {
  checkGradient,
  classGradientCost,
  countTargets,
  prepareClassGradients,
  rankTargets,
  rowOf,
  scheduleTask,
  stackPoints,
  trackNearestAdversarial,
} from '../../../core/api/attack.ts'
import type { AttackTask } from '../../../core/api/attack.ts'
import { sizeOf } from '../../../core/api/graph.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'
import type { Norm } from '../../../core/api/plugin.ts'
import { clip, dualNorm, nearestDecision } from '../fab/linearization.ts'
import type { LinearizedDecision } from '../fab/linearization.ts'

export interface DeepFoolOptions {
  /** 1 or more. */
  readonly steps: number
  /** How many of the likeliest wrong classes are looked at, 1 or more; cut to those there are. */
  readonly targets: number
  /** How far the perturbation is stretched beyond what the linearizations ask for. */
  readonly overshoot: number
  /** How often the way from the input to the fooling point is halved in search of a nearer one; 0 for not at all. */
  readonly halvings: number
}

/** What is added to |z_s − z_y|, so that a step leads beyond the boundary. */
const push = 1e-4

/** One example on its way. */
interface Walk {
  readonly row: number
  readonly center: Float32Array
  readonly point: Float32Array
  /** Σ r, in float64 and not clipped. */
  readonly total: Float64Array
  step: number
  /** From the first fooling point on: that point, and how much of the way to it fools and does not fool. */
  end: Float32Array | undefined
  fools: number
  fails: number
  halvings: number
}

/**
 * Repeats, until the model is fooled: of the decisions z_s − z_y = f, linearized at x' with gradient w, take the nearest, by |f| / ‖w‖ in
 * the dual norm; add to the sum of steps r = (|f| + 10⁻⁴)·w/‖w‖₂² (L2) or (|f| + 10⁻⁴)·sign(w)/‖w‖₁ (Linf); x' = clip(x + (1 +
 * overshoot)·Σr). Then the way from x to x' is halved to find where it crosses the boundary.
 *
 * Differs from the paper: x' is clipped to the bounds, of which the steps know nothing; the halvings, without which answers are too far
 * by the overshoot. Where all gradients are zero the walk ends.
 * @see Moosavi-Dezfooli, Fawzi, Frossard 2016, "DeepFool: a simple and accurate method to fool deep neural networks", arXiv:1511.04599, algorithm 2
 * @throws RobenchError ROBENCH_MODEL_OUTPUT if a gradient is not finite.
 */
export async function deepFoolSearch(
  task: AttackTask,
  options: DeepFoolOptions,
): Promise<FloatTensor> {
  const { model, inputs, labels, threatModel } = task
  const { norm, bounds } = threatModel
  const count = countTargets(options.targets, model.classes)
  const ranked = await rankRivals(task, count)
  const gradientsAt = await prepareClassGradients(model, count)
  const exampleShape = inputs.shape.slice(1)
  const size = sizeOf(exampleShape)
  const scratch = new Float64Array(size)
  const nearest = trackNearestAdversarial(task)

  const open = (row: number): Walk => {
    const center = rowOf(inputs, row)
    return {
      row,
      center,
      point: center.slice(),
      total: new Float64Array(size),
      step: 0,
      end: undefined,
      fools: 1,
      fails: 0,
      halvings: 0,
    }
  }

  const stack = (walks: readonly Walk[]): FloatTensor =>
    stackPoints(
      walks.map(({ point }) => point),
      exampleShape,
    )

  /** Moves to the nearest linearized decision; false if there is no way. */
  const move = (walk: Walk, decisions: readonly LinearizedDecision[]): boolean => {
    const { center, point, total } = walk
    const chosen = nearestDecision(norm, decisions)
    if (dualNorm[norm](chosen.gradient) === 0) return false
    addStep(norm, chosen, total)
    for (let i = 0; i < size; i++) scratch[i] = center[i]! + (1 + options.overshoot) * total[i]!
    clip(scratch, bounds, point)
    walk.step += 1
    return true
  }

  /** After a judgement: goes on with the halvings, if the model has been fooled; true if nothing is left to do. */
  const close = (walk: Walk, fools: boolean): boolean => {
    const { center, point } = walk
    if (walk.end === undefined) {
      if (!fools) return walk.step === options.steps
      walk.end = point.slice()
    } else {
      const middle = (walk.fools + walk.fails) / 2
      if (fools) walk.fools = middle
      else walk.fails = middle
      walk.halvings += 1
    }
    if (walk.halvings === options.halvings) return true
    const share = (walk.fools + walk.fails) / 2
    for (let i = 0; i < size; i++) {
      scratch[i] = center[i]! + share * (walk.end[i]! - center[i]!)
    }
    clip(scratch, bounds, point)
    return false
  }

  /** Judges walks and moves those that have not fooled the model yet; returns those that are finished. */
  const walkOn = async (walks: readonly Walk[]): Promise<readonly Walk[]> => {
    if (walks.length === 0) return []
    const own = Int32Array.from(walks, ({ row }) => labels[row]!)
    const rivals = Array.from({ length: count }, (_, place) =>
      Int32Array.from(walks, ({ row }) => ranked[row]![place]!),
    )
    const answer = await gradientsAt(stack(walks), own, rivals)
    return walks.filter((walk, place) => {
      const { row, step, point } = walk
      const logits = rowOf(answer.logits, place)
      if (nearest.offer(row, point, logits)) return close(walk, true)
      const decisions = answer.gradients.map((gradients, turn) => {
        const gradient = rowOf(gradients, place)
        checkGradient(gradient, `row ${row} at step ${step}`, { row, step })
        return { value: logits[rivals[turn]![place]!]! - logits[own[place]!]!, gradient }
      })
      return !move(walk, decisions)
    })
  }

  /** Judges walks that take no further step; returns those that are finished. */
  const judge = async (walks: readonly Walk[]): Promise<readonly Walk[]> => {
    if (walks.length === 0) return []
    const logits = await model.logits(stack(walks))
    return walks.filter((walk, place) =>
      close(walk, nearest.offer(walk.row, walk.point, rowOf(logits, place))),
    )
  }

  const advance = async (active: readonly Walk[]): Promise<boolean[]> => {
    const walking = active.filter(({ step, end }) => end === undefined && step < options.steps)
    const others = active.filter((walk) => !walking.includes(walk))
    const finished = new Set([...(await walkOn(walking)), ...(await judge(others))])
    return active.map((walk) => finished.has(walk))
  }

  await scheduleTask(task, {
    open,
    advance,
  })
  return nearest.adversarial
}

/** The most passes that an example can take: it seldom needs all steps. On a model that cannot compile, each gradient takes a forward pass. */
export function deepFoolCost(
  { steps, targets, halvings }: DeepFoolOptions,
  classes: number,
): { readonly forward: number; readonly backward: number } {
  const count = countTargets(targets, classes)
  const { forward, backward } = classGradientCost(count)
  const ranking = count < classes - 1 ? 1 : 0
  return { forward: ranking + steps * forward + 1 + halvings, backward: steps * backward }
}

/** The likeliest wrong classes of each row, or all of them, which costs no pass. */
async function rankRivals(task: AttackTask, count: number): Promise<readonly Int32Array[]> {
  const { classes } = task.model
  if (count < classes - 1) return rankTargets(task, count)
  return Array.from(task.labels, (label) =>
    Int32Array.from({ length: count }, (_, turn) => (label + 1 + turn) % classes),
  )
}

/** Σr ← Σr + r */
function addStep(norm: Norm, { value, gradient }: LinearizedDecision, total: Float64Array): void {
  const length = dualNorm[norm](gradient)
  const needed = Math.abs(value) + push
  for (let i = 0; i < total.length; i++) {
    const w = gradient[i]!
    total[i]! += norm === 'Linf' ? (needed / length) * Math.sign(w) : (needed / length ** 2) * w
  }
}
