/** Whether an attack's answers keep to the threat model, transforms included. */
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

/** How far a component of a repeated transform may be from what the attack computed: float32 in another order. */
const transformTolerance = 1e-5

export interface ResultToVerify {
  readonly meta: AttackMeta
  readonly answer: ParsedResult
  /** `[n, c, h, w]`: what was attacked. */
  readonly inputs: FloatTensor
  readonly threatModel: ThreatModel
  /** `[n]`: their places in the data set, for messages. */
  readonly exampleIndices: readonly number[]
  readonly reference: ReferenceExamples
}

/**
 * Checks each point: finite, within the bounds, and within the ball around the input, or around the transformed input that the host
 * computes itself from the answer's evidence. Of a corruption only the bounds can be checked.
 * @throws PluginError ROBENCH_PLUGIN_ANSWER for the first point or parameter that does not keep to the threat model
 */
export async function verifyResult(request: ResultToVerify): Promise<void> {
  const { meta, answer, inputs, threatModel, exampleIndices } = request
  const hasBall = isAdversarial(threatModel)
  const evidence = answer.transformed?.transform
  const centers = evidence ? await transformed(request, evidence) : inputs
  const model = evidence ? widened(threatModel, sizeOf(inputs.shape.slice(1))) : threatModel
  exampleIndices.forEach((example, row) => {
    const point = sliceRows(answer.points, row, row + 1).data
    const violation = hasBall
      ? verifyInside(model, sliceRows(centers, row, row + 1).data, point)
      : verifyBounds(threatModel.bounds, point)
    if (violation === undefined) return
    const reason = `its answer for example ${example} ${describeViolation(violation)}`
    throw resultError(meta, reason, { example, violation })
  })
}

/** T(x) of each input by the answer's parameters, after a check that the threat model permits them. */
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
      `its answer used the transform "${evidence.kind}", but the threat model permits ${permitted}`,
    )
  }
  const { checkEvidence, apply } = transformRecord(evidence.kind)
  const problem = checkEvidence
    ? checkEvidence(transform, evidence, inputs.shape, { bounds, reference })
    : `a transform of the kind "${evidence.kind}" has no evidence`
  if (problem !== undefined) throw resultError(meta, `its transform: ${problem}`)
  return count === 0 || !apply ? inputs : apply(inputs, evidence, { bounds, reference })
}

/** The ball with room for `transformTolerance` in each of `size` components. */
function widened(threatModel: ThreatModel, size: number): ThreatModel {
  const room: Readonly<Record<Norm, number>> = {
    Linf: transformTolerance,
    L2: transformTolerance * Math.sqrt(size),
    L1: transformTolerance * size,
  }
  return { ...threatModel, epsilon: threatModel.epsilon + room[threatModel.norm] }
}
