/** Judges adversarial examples: whether each is within the threat model, and fools the model. */
import { ConfigError } from '../../base/errors.ts'
import { sizeOf, sliceRows } from '../../engine/tensor/tensor.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import type { ReferenceExamples } from '../../threat/reference-examples.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import { evidenceRows } from '../../threat/transforms/evidence-arrays.ts'
import { isAdversarial, transformRecord } from '../../threat/transforms/table.ts'
import type { TransformEvidence } from '../../threat/transforms/table.ts'
import type { Predictor } from './plain-model.ts'

/** Points, and what to judge them by. */
export interface PointsToJudge {
  /** `[n, c, h, w]` */
  readonly points: FloatTensor
  /** `[n, c, h, w]`: the inputs that the points belong to. */
  readonly centers: FloatTensor
  /** `[n]` */
  readonly labels: Int32Array
  readonly threatModel: ThreatModel
  /** Of each point; required if the threat model has a transform and the attack used it. */
  readonly transform?: TransformEvidence
  readonly reference: ReferenceExamples
  readonly predictor: Predictor
  readonly batchSize: number
}

/** The judgment of one point. */
export interface PointJudgment {
  /** Why the point is not permitted; absent if it is. */
  readonly outside?: string
  /** ‖x′ − T(x)‖ in float64. */
  readonly distance: number
  readonly prediction: number
  /** The label's logit minus the largest other one: negative if the point fools the model. */
  readonly margin: number
  /** The largest absolute logit, for the size of rounding. */
  readonly scale: number
}

/**
 * Room for a transform that is computed again, per component; for L2 and L1, for the order of a
 * sum, relative to ε. Linf and L0 are exact without a transform.
 */
const transformRoom = 1e-5
const sumRoom = 1e-6

/**
 * A margin below this fraction of the largest logit is a matter of rounding: another order of
 * additions can change its sign.
 */
export const roundingMargin = 1e-4

/** Judges points in batches. */
export async function judgePoints(work: PointsToJudge): Promise<PointJudgment[]> {
  const { points, centers, labels, transform, threatModel, batchSize } = work
  if (threatModel.target !== undefined || threatModel.given !== undefined) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      'verify: points of a threat model with a target, or with limits for each image, cannot be ' +
        'judged',
    )
  }
  const count = points.shape[0]!
  const judged: PointJudgment[] = []
  for (let start = 0; start < count; start += batchSize) {
    const end = Math.min(count, start + batchSize)
    const rows = Array.from({ length: end - start }, (_, i) => start + i)
    const batch = sliceRows(points, start, end)
    const own = sliceRows(centers, start, end)
    const evidence = transform && evidenceRows(transform, rows)
    const around = evidence ? await transformed(own, evidence, work) : own
    const logits = await work.predictor.logits(batch)
    rows.forEach((row, place) => {
      const one = (of: FloatTensor): Float32Array => sliceRows(of, place, place + 1).data
      const center = typeof around === 'string' ? own : around
      const inside = judgePosition(one(batch), one(center), threatModel, Boolean(evidence), work)
      judged.push({
        ...inside,
        ...(typeof around === 'string' && { outside: around }),
        ...judgePrediction(one(logits), labels[row]!),
      })
    })
  }
  return judged
}

/** T(x), or why the parameters are not permitted. */
async function transformed(
  inputs: FloatTensor,
  evidence: TransformEvidence,
  { threatModel: { transform, bounds }, reference }: PointsToJudge,
): Promise<FloatTensor | string> {
  const { checkEvidence, apply } = transformRecord(evidence.kind)
  if (transform?.kind !== evidence.kind || !checkEvidence || !apply) {
    return `uses the transform "${evidence.kind}", which the threat model does not permit`
  }
  const context = { bounds, reference }
  const problem = checkEvidence(transform, evidence, inputs.shape, context)
  return problem === undefined ? apply(inputs, evidence, context) : `its transform: ${problem}`
}

function judgePosition(
  point: Float32Array,
  center: Float32Array,
  threatModel: ThreatModel,
  isTransformed: boolean,
  { points }: PointsToJudge,
): Pick<PointJudgment, 'outside' | 'distance'> {
  const { norm, epsilon, bounds } = threatModel
  const [low, high] = bounds
  const area = sizeOf(points.shape.slice(2))
  const away = distanceOf(threatModel, point, center, area)
  const stray = point.find((value) => !(value >= low && value <= high))
  if (stray !== undefined) {
    return { distance: away, outside: `has the value ${stray}, outside [${low}, ${high}]` }
  }
  if (!isAdversarial(threatModel)) return { distance: away }
  const size = point.length
  const room = {
    Linf: isTransformed ? transformRoom : 0,
    L2: epsilon * sumRoom + (isTransformed ? transformRoom * Math.sqrt(size) : 0),
    L1: epsilon * sumRoom + (isTransformed ? transformRoom * size : 0),
    L0: 0,
  }[norm]
  if (away <= epsilon + room) return { distance: away }
  return { distance: away, outside: `has the ${norm} distance ${away}, more than ${epsilon}` }
}

/** The distance, with compensated sums. @param area values of one channel */
function distanceOf(
  { norm }: ThreatModel,
  point: Float32Array,
  center: Float32Array,
  area: number,
): number {
  const differences = Float64Array.from(point, (value, i) => Math.abs(value - center[i]!))
  if (norm === 'Linf') return differences.reduce((most, value) => (value > most ? value : most), 0)
  if (norm === 'L0') {
    const pixels = new Set<number>()
    differences.forEach((value, i) => value !== 0 && pixels.add(i % area))
    return pixels.size
  }
  let sum = 0
  let lost = 0
  for (const value of differences) {
    const term = (norm === 'L2' ? value * value : value) - lost
    const next = sum + term
    lost = next - sum - term
    sum = next
  }
  return norm === 'L2' ? Math.sqrt(sum) : sum
}

function judgePrediction(
  logits: Float32Array,
  label: number,
): Pick<PointJudgment, 'prediction' | 'margin' | 'scale'> {
  let prediction = 0
  let other = -Infinity
  let scale = 0
  logits.forEach((value, k) => {
    // The first of equal logits, as in the host.
    if (value > logits[prediction]!) prediction = k
    if (k !== label && value > other) other = value
    scale = Math.max(scale, Math.abs(value))
  })
  return { prediction, margin: logits[label]! - other, scale }
}

/** Whether the other path may predict differently by rounding alone. */
export function isWithinRounding({ margin, scale }: PointJudgment): boolean {
  return Math.abs(margin) <= roundingMargin * scale
}
