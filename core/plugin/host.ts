/** Runs an attack on a part of the data and believes nothing of what it returns. */
import { sizeOf, sliceRows, tensor } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import { isAdversarial } from '../threat/transforms/table.ts'
import { distance } from '../threat/verify.ts'
import type { AttackRequest } from './attack-request.ts'
import { runTrial } from './attack-trial.ts'
import { outcomesByStage } from './attack-stages.ts'
import type { StageOutcomes } from './attack-stages.ts'

export interface HostedResult {
  /** One character an example: `w` wrong already without attack, `r` robust, `b` broken. */
  readonly outcomes: string
  /** `[n, c, h, w]`; an example that was not attacked is as it was. */
  readonly adversarial: FloatTensor
  /** The attack's own passes, without those of the host's check. */
  readonly forwardPasses: number
  readonly backwardPasses: number
  /** Of an attack that has stages and says so: the outcomes had it ended after each of them. */
  readonly stages?: readonly StageOutcomes[]
  /**
   * `[n]`, with a curve or from a minimum-norm attack: the least size of the ball in which the example was broken; 0 where it was
   * wrong already, Infinity where it was not broken at all.
   */
  readonly breakingEpsilons?: Float64Array
  /** Of a corruption, one character an example: `1` classified correctly when corrupted, `0` not, whatever it was before. */
  readonly correct?: string
  /**
   * How many examples count as robust although the attack asked about a misclassified point of their ball. Absent where that cannot be
   * told: with a transform, or a model that draws random numbers.
   */
  readonly silentSuccesses?: number
}

/** What is known of every example, from trial to trial. */
interface Findings {
  readonly adversarial: FloatTensor
  readonly breakingEpsilons: Float64Array
  /** The place of the stage that broke it, or −1. */
  readonly brokenBy: Int32Array
  /** Rows of silent successes in the threat model's own ball or a smaller one; undefined where none could be told. */
  silent: Set<number> | undefined
  stages: readonly string[] | undefined
  correct: string | undefined
}

/**
 * Attacks the correctly classified examples, checks every answer (shape, dtype, finite, bounds, ball: exact, in float64,
 * but for 1e-6 of ε in L2 and L1; transforms are repeated) and predicts it anew. For a curve the attack runs in one ball after the other,
 * from the smallest, each time on what is not yet broken; a minimum-norm attack runs once, in the largest.
 * @throws PluginError ROBENCH_PLUGIN_ANSWER if an answer breaks the threat model, ROBENCH_PLUGIN_CONTRACT if the plugin changed its inputs,
 * ROBENCH_PLUGIN_FAILED if it threw; RunError ROBENCH_TIMEOUT or ROBENCH_ABORTED; errors of the model or the options unchanged.
 */
export async function runAttack(request: AttackRequest): Promise<HostedResult> {
  const { inputs, labels, cleanPredictions, threatModel, plugin } = request
  const wrong = Array.from(labels, (label, row) => cleanPredictions[row] !== label)
  const attacked = wrong.filter((isWrong) => !isWrong).length
  const corrupts = !isAdversarial(threatModel)
  const findings: Findings = {
    adversarial: tensor('float32', inputs.shape, inputs.data.slice()),
    breakingEpsilons: Float64Array.from(wrong, (isWrong) => (isWrong ? 0 : Infinity)),
    brokenBy: new Int32Array(labels.length).fill(-1),
    silent: new Set(),
    stages: undefined,
    correct: undefined,
  }
  const sizes = ballSizes(request)
  let forwardPasses = 0
  let backwardPasses = 0
  for (const [index, epsilon] of sizes.entries()) {
    const rows = Int32Array.from(labels.keys()).filter(
      (row) => corrupts || findings.breakingEpsilons[row] === Infinity,
    )
    if (rows.length === 0) continue
    const trial = { ...request, threatModel: { ...threatModel, epsilon } }
    const { answer, misclassified, silentSuccess, passes } = await runTrial(trial, rows, (done) => {
      const share = (index + done / rows.length) / sizes.length
      request.progress?.(Math.floor(attacked * share), attacked)
    })
    forwardPasses += passes.forward
    backwardPasses += passes.backward
    findings.stages ??= answer.staged?.stages
    if (!silentSuccess) findings.silent = undefined
    else if (epsilon <= threatModel.epsilon) {
      rows.forEach((row, place) => silentSuccess[place] && findings.silent?.add(row))
    }
    if (corrupts) findings.correct = misclassified.map((broken) => (broken ? '0' : '1')).join('')
    rows.forEach((row, place) => {
      record(findings, trial, row, {
        point: sliceRows(answer.points, place, place + 1).data,
        broken: misclassified[place]!,
        brokenBy: answer.staged?.brokenBy[place] ?? -1,
        limit: threatModel.epsilon,
      })
    })
  }
  const { adversarial, breakingEpsilons, brokenBy, silent, stages, correct } = findings
  const outcomes = wrong.map((isWrong, row) =>
    isWrong ? 'w' : breakingEpsilons[row]! <= threatModel.epsilon ? 'b' : 'r',
  )
  const everyRow = Int32Array.from(labels.keys())
  return {
    outcomes: outcomes.join(''),
    adversarial,
    forwardPasses,
    backwardPasses,
    ...(stages && {
      stages: outcomesByStage({ adversarial, stages, brokenBy }, everyRow, outcomes),
    }),
    ...((request.curve || plugin.meta.minimumNorm) && { breakingEpsilons }),
    ...(correct !== undefined && { correct }),
    ...(silent && { silentSuccesses: [...silent].filter((row) => outcomes[row] === 'r').length }),
  }
}

/** The balls to attack in, from the smallest. */
function ballSizes({ threatModel, curve = [], plugin }: AttackRequest): readonly number[] {
  const sizes = [...new Set([threatModel.epsilon, ...curve])].toSorted((a, b) => a - b)
  return plugin.meta.minimumNorm ? sizes.slice(-1) : sizes
}

/** Takes down what a trial found for a row. A point outside the threat model's own ball is counted but not kept. */
function record(
  findings: Findings,
  { inputs, threatModel, plugin }: AttackRequest,
  row: number,
  found: {
    readonly point: Float32Array
    readonly broken: boolean
    readonly brokenBy: number
    /** The size of the threat model's own ball. */
    readonly limit: number
  },
): void {
  const { point, broken, brokenBy, limit } = found
  const { norm, epsilon } = threatModel
  const center = sliceRows(inputs, row, row + 1).data
  const { minimumNorm } = plugin.meta
  // A distance may exceed ε by the tolerance of the check.
  const least = minimumNorm ? Math.min(distance(norm, center, point), epsilon) : epsilon
  if (broken && findings.breakingEpsilons[row] !== 0) {
    findings.breakingEpsilons[row] = least
    findings.brokenBy[row] = brokenBy
  }
  const within = minimumNorm ? least <= limit : epsilon <= limit
  if (within) findings.adversarial.data.set(point, row * sizeOf(inputs.shape.slice(1)))
}
