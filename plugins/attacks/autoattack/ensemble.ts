/** Runs attacks as stages, each on the examples that earlier stages did not break. */
import { forEachTarget } from '../../../core/api/plugin.ts'
import { rankTargets, subtask } from '../../../core/api/attack.ts'
import type { AttackFindings, AttackTask, RankedTargets } from '../../../core/api/attack.ts'
import { sizeOf, tensor } from '../../../core/api/graph.ts'

/** One attack of an ensemble. */
export interface Stage {
  readonly name: string
  /** Passes of an example that is never fooled, without the pass that ranks its targets. */
  readonly cost: { readonly forward: number; readonly backward: number }
  /** Number of ranked targets that the stage attacks; 0 for an untargeted stage. */
  readonly targets: number
  /** @param ranked targets of each example of the task; undefined for an untargeted stage */
  run(task: AttackTask, ranked: RankedTargets | undefined): Promise<AttackFindings>
}

/** The result of `runStages`. */
export interface EnsembleFindings extends AttackFindings {
  /** `[n]`: index of the stage that fooled the model; −1 if none did. */
  readonly brokenBy: Int32Array
}

/**
 * Runs the stages in order, each on the examples that no earlier stage broke and with its own
 * random streams. Targets are ranked once, before the first stage that needs them. If no stage
 * breaks an example, its result is the point with the largest margin over all stages.
 *
 * For a stochastic model, each stage runs on all examples. The result is the point with the largest
 * margin over all stages, and counts as broken by the first stage that fooled the model.
 */
export async function runStages(
  task: AttackTask,
  stages: readonly Stage[],
): Promise<EnsembleFindings> {
  const { stochastic } = task.model
  const count = task.labels.length
  const size = sizeOf(task.inputs.shape.slice(1))
  const adversarial = tensor('float32', task.inputs.shape, task.inputs.data.slice())
  const fooled = new Uint8Array(count)
  const margins = new Float64Array(count).fill(-Infinity)
  const brokenBy = new Int32Array(count).fill(-1)
  const ranking: (Int32Array | undefined)[] = []
  const mostTargets = Math.max(0, ...stages.map(({ targets }) => targets))
  const total = stages.reduce((sum, stage) => sum + weightOf(stage), 0)
  let before = 0

  for (const [place, stage] of stages.entries()) {
    const rows = Int32Array.from(fooled.keys()).filter((row) => stochastic || fooled[row] === 0)
    if (rows.length === 0) break
    const spent = before
    const remaining = subtask(task, rows, stage.name, (done) => {
      const share = (spent + (weightOf(stage) * done) / rows.length) / total
      task.progress(Math.floor(count - rows.length + rows.length * share), stage.name)
    })
    remaining.progress(0)
    if (stage.targets > 0 && ranking.length === 0) {
      const ranked = await rankTargets(remaining, mostTargets)
      rows.forEach((row, at) => {
        ranking[row] = ranked[at]
      })
    }
    const ranked =
      stage.targets > 0
        ? Array.from(rows, (row) => ranking[row]!.slice(0, stage.targets))
        : undefined
    const found = await stage.run(remaining, ranked)
    rows.forEach((row, at) => {
      const broken = found.fooled[at] === 1
      const isLarger = found.margins[at]! > margins[row]!
      if (stochastic ? !isLarger : !broken && !isLarger) return
      margins[row] = found.margins[at]!
      adversarial.data.set(found.adversarial.data.subarray(at * size, (at + 1) * size), row * size)
      if (!broken || fooled[row] === 1) return
      fooled[row] = 1
      brokenBy[row] = place
    })
    before += weightOf(stage)
  }
  task.progress(count)
  return { adversarial, fooled, margins, brokenBy }
}

/** `runStages` toward the targets of the task, if it has some. */
export async function runStagesToward(
  task: AttackTask,
  stages: readonly Stage[],
): Promise<Pick<EnsembleFindings, 'adversarial' | 'brokenBy'>> {
  const brokenBy = new Int32Array(task.labels.length).fill(-1)
  const adversarial = tensor('float32', task.inputs.shape, task.inputs.data.slice())
  const size = sizeOf(task.inputs.shape.slice(1))
  await forEachTarget(task, async (part, rows) => {
    const found = await runStages(part, stages)
    rows.forEach((row, at) => {
      brokenBy[row] = found.brokenBy[at]!
      adversarial.data.set(found.adversarial.data.subarray(at * size, (at + 1) * size), row * size)
    })
  })
  return { adversarial, brokenBy }
}

/**
 * Passes of all stages for an example that is never fooled, and one forward pass if targets are
 * ranked.
 */
export function stagesCost(stages: readonly Stage[]): {
  readonly forward: number
  readonly backward: number
} {
  let forward = stages.some(({ targets }) => targets > 0) ? 1 : 0
  let backward = 0
  for (const { cost } of stages) {
    forward += cost.forward
    backward += cost.backward
  }
  return { forward, backward }
}

/** Relative duration of a stage: a backward pass takes about as long as two forward passes. */
function weightOf({ cost }: Stage): number {
  return cost.forward + 2 * cost.backward
}
