/** Runs attacks on a part of the data, and verifies everything that they return. */
import { sizeOf, sliceRows, tensor } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import { drawsOf, withDraws } from '../model/noise.ts'
import { predictions } from '../model/predictions.ts'
import { resolveTargets } from '../threat/target.ts'
import { onShape } from '../threat/threat-model.ts'
import { spreadEvidence } from '../threat/transforms/evidence-arrays.ts'
import { isAdversarial } from '../threat/transforms/table.ts'
import type { TransformEvidence } from '../threat/transforms/table.ts'
import { distance } from '../threat/verify.ts'
import type { AttackRequest } from './attack-request.ts'
import { runTrial } from './attack-trial.ts'
import type { AttackTrial } from './attack-trial.ts'
import { outcomesByStage } from './attack-stages.ts'
import type { StageOutcomes } from './attack-stages.ts'

/** Verified outcomes of an attack, by the host's own predictions. */
export interface HostedResult {
  /** One character per example: `w` misclassified without attack, `r` robust, `b` broken. */
  readonly outcomes: string
  /** `[n, c, h, w]`; examples that were not attacked are unchanged. */
  readonly adversarial: FloatTensor
  /** Passes of the attack, without those of the host's verification. */
  readonly forwardPasses: number
  readonly backwardPasses: number
  /** For attacks that report stages: the outcomes if the attack had ended after each of them. */
  readonly stages?: readonly StageOutcomes[]
  /**
   * `[n]`, with a curve or from a minimum-norm attack: the smallest epsilon at which the example
   * was broken; 0 if it was misclassified without attack, Infinity if it was never broken.
   */
  readonly breakingEpsilons?: Float64Array
  /**
   * For corruptions, one character per example, also if misclassified before: `1` if the corrupted
   * example is classified correctly, else `0`.
   */
  readonly correct?: string
  /**
   * For a stochastic model, the host's predictions of each result. An example is broken if at most
   * half of them are correct.
   */
  readonly draws?: DrawCounts
  /**
   * Number of examples that count as robust although the attack queried a misclassified point of
   * their ball. Absent where that cannot be observed: with a transform, or a model that draws
   * random numbers.
   */
  readonly silentSuccesses?: number
  /**
   * The parameters of the transform for each adversarial example, `[n]`; zeros for an example that
   * was not attacked. Absent without a transform, or if the attack did not use it.
   */
  readonly transform?: TransformEvidence
}

/** How many of several predictions of each example are correct. */
export interface DrawCounts {
  /** Predictions per example, 1 or more. */
  readonly count: number
  /** `[n]`: 0 to `count`; 0 for an example that was misclassified without attack. */
  readonly correct: readonly number[]
}

/** The state of every example between trials. */
interface Findings {
  readonly adversarial: FloatTensor
  readonly breakingEpsilons: Float64Array
  /** The index of the stage that broke it, or −1. */
  readonly brokenBy: Int32Array
  /** Correct predictions of its adversarial example. */
  readonly correctDraws: Int32Array
  /** Rows of silent successes within the threat model's ball; undefined if not observed. */
  silent: Set<number> | undefined
  stages: readonly string[] | undefined
  correct: string | undefined
  transform: TransformEvidence | undefined
}

/**
 * Attacks the correctly classified examples, verifies every result (shape, dtype, finite, bounds,
 * ball: exactly, in float64, but for 1e-6 of ε in L2 and L1; transforms are repeated) and predicts
 * it again. For a curve, the attack runs in further balls, after the ball of the threat model,
 * whose outcomes and points therefore do not depend on the curve: in larger balls, from the
 * smallest, on the examples that are not yet broken; in smaller ones, from the largest, on those
 * that broke in the ball before. A minimum-norm attack finds the breaking points in smaller balls
 * in its first run, and needs one more run in the largest ball.
 * @throws PluginError ROBENCH_PLUGIN_ANSWER if a result is outside the threat model,
 * ROBENCH_PLUGIN_CONTRACT if the plugin modified its inputs, ROBENCH_PLUGIN_FAILED if it threw
 * @throws RunError ROBENCH_TIMEOUT or ROBENCH_ABORTED
 * @throws errors of the model and of the options, unchanged
 */
export async function runAttack(given: AttackRequest): Promise<HostedResult> {
  const request = await withTargets({
    ...given,
    threatModel: onShape(given.threatModel, given.inputs.shape),
  })
  const { inputs, labels, cleanPredictions, threatModel, targets } = request
  const wrong = Array.from(labels, (label, row) => cleanPredictions[row] !== label)
  // An example whose own class is the target cannot be attacked.
  const isAttackable = (row: number): boolean => targets?.[row] !== labels[row]
  const attacked = wrong.filter((isWrong, row) => !isWrong && isAttackable(row)).length
  const attacksAll = !isAdversarial(threatModel)
  const findings: Findings = {
    adversarial: tensor('float32', inputs.shape, inputs.data.slice()),
    breakingEpsilons: Float64Array.from(wrong, (isWrong) => (isWrong ? 0 : Infinity)),
    brokenBy: new Int32Array(labels.length).fill(-1),
    correctDraws: Int32Array.from(wrong, (isWrong) =>
      isWrong ? 0 : drawsOf(request.model, request.draws),
    ),
    silent: new Set(),
    stages: undefined,
    correct: undefined,
    transform: undefined,
  }
  const sizes = ballSizes(request)
  const passes = { forward: 0, backward: 0 }
  for (const [index, epsilon] of sizes.entries()) {
    const rows = Int32Array.from(labels.keys()).filter(
      (row) =>
        attacksAll ||
        (isAttackable(row) && isOpen(findings.breakingEpsilons[row]!, epsilon, sizes)),
    )
    if (rows.length === 0) continue
    const inBall = { ...request, threatModel: { ...threatModel, epsilon } }
    const trial = await runTrial(inBall, rows, (done, stage) => {
      const share = (index + done / rows.length) / sizes.length
      request.progress?.(Math.floor(attacked * share), attacked, stage)
    })
    passes.forward += trial.passes.forward
    passes.backward += trial.passes.backward
    recordTrial(findings, inBall, rows, trial, sizes[0]!)
  }
  const outcomes = wrong.map((isWrong, row) =>
    isWrong ? 'w' : findings.breakingEpsilons[row]! <= threatModel.epsilon ? 'b' : 'r',
  )
  return summarize(request, findings, outcomes, passes)
}

/** Adds the targets of a targeted threat model. Least likely classes take a forward pass each. */
async function withTargets(request: AttackRequest): Promise<AttackRequest> {
  const { threatModel, labels, inputs, model, exampleIndices, batchSize, givenTargets } = request
  const { target } = threatModel
  if (target === undefined) return request
  const targets = await resolveTargets({
    target,
    labels,
    classes: model.classes,
    positions: exampleIndices,
    given: givenTargets,
    async leastLikely() {
      const least = new Int32Array(labels.length)
      for (let start = 0; start < labels.length; start += batchSize) {
        request.signal.throwIfAborted()
        const end = Math.min(labels.length, start + batchSize)
        const logits = await withDraws(model, 'targets').logits(sliceRows(inputs, start, end))
        // The class that negated logits predict.
        const negated = { ...logits, data: logits.data.map((value) => -value) }
        least.set(predictions(negated), start)
      }
      return least
    },
  })
  return { ...request, targets }
}

function summarize(
  { model, labels, curve, plugin, draws }: AttackRequest,
  findings: Findings,
  outcomes: readonly string[],
  passes: { readonly forward: number; readonly backward: number },
): HostedResult {
  const { adversarial, breakingEpsilons, brokenBy, correctDraws } = findings
  const { silent, stages, correct, transform } = findings
  const everyRow = Int32Array.from(labels.keys())
  return {
    outcomes: outcomes.join(''),
    adversarial,
    forwardPasses: passes.forward,
    backwardPasses: passes.backward,
    ...(stages && {
      stages: outcomesByStage({ adversarial, stages, brokenBy }, everyRow, outcomes),
    }),
    ...((curve || plugin.meta.minimumNorm) && { breakingEpsilons }),
    ...(correct !== undefined && { correct }),
    ...(model.stochastic && {
      draws: { count: drawsOf(model, draws), correct: [...correctDraws] },
    }),
    ...(transform && { transform }),
    ...(silent && { silentSuccesses: [...silent].filter((row) => outcomes[row] === 'r').length }),
  }
}

/** The values of epsilon to attack with, in order: that of the threat model first. */
function ballSizes({ threatModel, curve = [], plugin }: AttackRequest): readonly number[] {
  const { epsilon } = threatModel
  const sizes = [...new Set(curve)].toSorted((a, b) => a - b)
  const larger = sizes.filter((size) => size > epsilon)
  if (plugin.meta.minimumNorm) return [epsilon, ...larger.slice(-1)]
  const smaller = sizes.filter((size) => size < epsilon).toReversed()
  return [epsilon, ...smaller, ...larger]
}

/**
 * Whether an example is to be attacked at `epsilon`: in a ball as large as that of the threat model
 * or larger, if it is not broken yet; in a smaller ball, if it is broken at the size before.
 */
function isOpen(breakingEpsilon: number, epsilon: number, sizes: readonly number[]): boolean {
  if (epsilon >= sizes[0]!) return breakingEpsilon === Infinity
  return breakingEpsilon === sizes[sizes.indexOf(epsilon) - 1]
}

/** Records a trial in one ball. @param limit epsilon of the threat model */
function recordTrial(
  findings: Findings,
  request: AttackRequest,
  rows: Int32Array,
  { result, misclassified, correctDraws, silentSuccess }: AttackTrial,
  limit: number,
): void {
  const { threatModel } = request
  findings.stages ??= result.staged?.stages
  if (!silentSuccess) findings.silent = undefined
  else if (threatModel.epsilon === limit) {
    rows.forEach((row, position) => silentSuccess[position] && findings.silent?.add(row))
  }
  const evidence = result.transformed?.transform
  if (evidence && threatModel.epsilon === limit) {
    findings.transform = spreadEvidence(evidence, rows, request.labels.length)
  }
  if (!isAdversarial(threatModel) && threatModel.epsilon === limit) {
    findings.correct = misclassified.map((broken) => (broken ? '0' : '1')).join('')
  }
  rows.forEach((row, position) => {
    recordExample(findings, request, row, {
      point: sliceRows(result.points, position, position + 1).data,
      broken: misclassified[position]!,
      correctDraws: correctDraws[position]!,
      brokenBy: result.staged?.brokenBy[position] ?? -1,
      limit,
    })
  })
}

/** Records one example. Only a point found in the threat model's own ball is stored. */
function recordExample(
  findings: Findings,
  { inputs, threatModel, plugin, curve = [] }: AttackRequest,
  row: number,
  found: {
    readonly point: Float32Array
    readonly broken: boolean
    readonly correctDraws: number
    readonly brokenBy: number
    readonly limit: number
  },
): void {
  const { point, broken, correctDraws, brokenBy, limit } = found
  const { norm, epsilon, channels } = threatModel
  const center = sliceRows(inputs, row, row + 1).data
  const isMain = epsilon === limit
  if (broken && findings.breakingEpsilons[row] !== 0) {
    // A distance can exceed ε by the tolerance of the verification.
    const away = plugin.meta.minimumNorm
      ? Math.min(distance(norm, center, point, channels), epsilon)
      : epsilon
    // The search in the ball of the threat model missed a point of that ball which a larger search
    // finds. It counts at the next ε of the curve.
    const next = Math.min(...curve.filter((size) => size > limit))
    findings.breakingEpsilons[row] = isMain || away > limit || epsilon < limit ? away : next
    if (isMain) findings.brokenBy[row] = brokenBy
  }
  if (!isMain) return
  findings.adversarial.data.set(point, row * sizeOf(inputs.shape.slice(1)))
  findings.correctDraws[row] = correctDraws
}
