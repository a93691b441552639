/** Verifies that an attack's results are within the threat model, transforms included. */
import type { ReferenceExamples } from '../threat/reference-examples.ts'
import { sizeOf, sliceRows } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import type { Norm, ThreatModel } from '../threat/threat-model.ts'
import { isAdversarial, transformRecord } from '../threat/transforms/table.ts'
import type { TransformEvidence } from '../threat/transforms/table.ts'
import { describeViolation, verifyBounds, verifyInside } from '../threat/verify.ts'
import { resultError } from './parse-result.ts'
import type { ParsedResult } from './parse-result.ts'
import type { AttackMeta } from './contract.ts'

/**
 * Allowed difference per component, relative to the range of the bounds, between the transform as the host and as the attack compute it:
 * float32 sums in another order.
 */
const transformTolerance = 1e-5

/** A result and what to verify it against. */
export interface ResultToVerify {
  readonly meta: AttackMeta
  readonly result: ParsedResult
  /** `[n, c, h, w]`: the attacked inputs. */
  readonly inputs: FloatTensor
  readonly threatModel: ThreatModel
  /** `[n]`: their positions in the data set, for messages. */
  readonly exampleIndices: readonly number[]
  readonly reference: ReferenceExamples
}

/**
 * Verifies that each point is finite, within the bounds, and within the ball around the input, or
 * around the transformed input that the host computes from the attack's evidence. For transforms
 * that are not adversarial, only the bounds are verified.
 * @throws PluginError ROBENCH_PLUGIN_ANSWER for the first point or parameter that is outside
 */
export async function verifyResult(request: ResultToVerify): Promise<void> {
  const { meta, result, inputs, threatModel, exampleIndices } = request
  const hasBall = isAdversarial(threatModel)
  const evidence = result.transformed?.transform
  const centers = evidence ? await transformed(request, evidence) : inputs
  const model = evidence ? widened(threatModel, sizeOf(inputs.shape.slice(1))) : threatModel
  exampleIndices.forEach((example, row) => {
    const point = sliceRows(result.points, row, row + 1).data
    const violation = hasBall
      ? verifyInside(model, sliceRows(centers, row, row + 1).data, point)
      : verifyBounds(threatModel.bounds, point)
    if (violation === undefined) return
    const reason = `its result for example ${example} ${describeViolation(violation)}`
    throw resultError(meta, reason, { example, violation })
  })
}

/** T(x) of each input with the attack's parameters, which the threat model must permit. */
async function transformed(
  { meta, inputs, threatModel, reference }: ResultToVerify,
  evidence: TransformEvidence,
): Promise<FloatTensor> {
  const { transform, bounds } = threatModel
  const count = inputs.shape[0]!
  if (transform?.kind !== evidence.kind) {
    const permitted = transform ? `only the transform "${transform.kind}"` : 'no transform'
    throw resultError(
      meta,
      `it used the transform "${evidence.kind}", but the threat model permits ${permitted}`,
    )
  }
  const { checkEvidence, apply } = transformRecord(evidence.kind)
  const problem = checkEvidence
    ? checkEvidence(transform, evidence, inputs.shape, { bounds, reference })
    : `a transform of the kind "${evidence.kind}" has no evidence`
  if (problem !== undefined) throw resultError(meta, `its transform: ${problem}`)
  return count === 0 || !apply ? inputs : apply(inputs, evidence, { bounds, reference })
}

/** The ball widened by `transformTolerance` in each of `size` components. */
function widened(threatModel: ThreatModel, size: number): ThreatModel {
  const [low, high] = threatModel.bounds
  const each = transformTolerance * (high - low)
  const room: Readonly<Record<Norm, number>> = {
    Linf: each,
    L2: each * Math.sqrt(size),
    L1: each * size,
    // Suites do not combine L0 with a transform.
    L0: 0,
  }
  return { ...threatModel, epsilon: threatModel.epsilon + room[threatModel.norm] }
}
