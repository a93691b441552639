/** Attacks within limits that differ between examples: an ε or a box for each of them. */
import { ConfigError } from '../base/errors.ts'
import { gatherRows, sizeOf, tensor } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import { boxView, intoBox } from '../model/box-view.ts'
import type { Box } from '../model/box-view.ts'
import type { AttackRequest } from './attack-request.ts'
import { runAttack } from './host.ts'
import type { HostedResult } from './host.ts'

/** Limits of the examples of a request: rows follow the inputs. */
export interface RequestLimits {
  /** `[n]`. */
  readonly epsilons?: Float64Array
  /** `[n, c, h, w]`. */
  readonly box?: { readonly lower: Float32Array; readonly upper: Float32Array }
}

/**
 * `runAttack` where the threat model says that limits are given. Examples with the same ε run
 * together. A box runs alone, as a ball of size 1 around 0 of a view of the model: the view maps
 * −1 and 1 in each component to the corners of the box, so that any attack in Linf searches the
 * whole box, and its steps are relative to the sides of the box.
 * @throws as `runAttack`; ConfigError for limits that are missing
 */
export async function runWithLimits(
  request: AttackRequest,
  limits: RequestLimits = {},
): Promise<HostedResult> {
  const { given } = request.threatModel
  if (given === undefined) return runAttack(request)
  const { epsilons, box } = limits
  if (given === 'epsilons' && epsilons) return runByEpsilon(request, epsilons)
  if (given === 'box' && box) return runInBoxes(request, box)
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `the threat model takes ${given} from the data, but the data has none (dataset.${given})`,
  )
}

async function runByEpsilon(request: AttackRequest, epsilons: Float64Array): Promise<HostedResult> {
  const join = joinResults(request)
  const everyRow = Int32Array.from(epsilons.keys())
  for (const epsilon of [...new Set(epsilons)].toSorted((a, b) => a - b)) {
    const rows = everyRow.filter((row) => epsilons[row] === epsilon)
    const { given: _given, ...threatModel } = request.threatModel
    const part = { ...rowsOf(request, rows), threatModel: { ...threatModel, epsilon } }
    join.add(rows, await runAttack({ ...part, progress: join.progress }))
  }
  return join.result()
}

async function runInBoxes(
  request: AttackRequest,
  { lower, upper }: NonNullable<RequestLimits['box']>,
): Promise<HostedResult> {
  const join = joinResults(request)
  const size = sizeOf(request.inputs.shape.slice(1))
  const { given: _given, ...threatModel } = request.threatModel
  for (const row of request.labels.keys()) {
    const box: Box = {
      lower: lower.subarray(row * size, (row + 1) * size),
      upper: upper.subarray(row * size, (row + 1) * size),
    }
    const part = rowsOf(request, Int32Array.of(row))
    const found = await runAttack({
      ...part,
      model: boxView(request.model, box),
      inputs: tensor('float32', part.inputs.shape, new Float32Array(size)),
      threatModel: { ...threatModel, epsilon: 1, bounds: [-1, 1] },
      progress: join.progress,
    })
    const wasAttacked = found.outcomes !== 'w'
    const point = new Float32Array(size)
    if (wasAttacked) intoBox(box, found.adversarial.data, point)
    else point.set(part.inputs.data)
    join.add(Int32Array.of(row), { ...found, adversarial: { ...found.adversarial, data: point } })
  }
  return join.result()
}

/** A request for some of its rows. The reference stays that of the whole. */
function rowsOf(request: AttackRequest, rows: Int32Array): AttackRequest {
  const { inputs, labels, cleanPredictions, exampleIndices, givenTargets } = request
  const pick = (values: ArrayLike<number>): Int32Array =>
    Int32Array.from(rows, (row) => values[row]!)
  return {
    ...request,
    inputs: gatherRows(inputs, rows),
    labels: pick(labels),
    cleanPredictions: pick(cleanPredictions),
    exampleIndices: pick(exampleIndices),
    ...(givenTargets && { givenTargets: pick(givenTargets) }),
  }
}

/** Joins the results of parts, whose rows are disjoint and cover the request. */
function joinResults(request: AttackRequest): {
  add(rows: Int32Array, part: HostedResult): void
  result(): HostedResult
  progress(done: number, total: number, stage?: string): void
} {
  const { inputs, labels } = request
  const size = sizeOf(inputs.shape.slice(1))
  const adversarial: FloatTensor = tensor('float32', inputs.shape, inputs.data.slice())
  const parts: { readonly rows: Int32Array; readonly part: HostedResult }[] = []
  let finished = 0
  const spread = (textOf: (part: HostedResult) => string): string => {
    const marks: string[] = Array.from(labels, () => '')
    for (const { rows, part } of parts) {
      const text = textOf(part)
      rows.forEach((row, place) => {
        marks[row] = text[place]!
      })
    }
    return marks.join('')
  }
  return {
    progress: (done, _, stage) => request.progress?.(finished + done, labels.length, stage),
    add(rows, part) {
      parts.push({ rows, part })
      finished += rows.length
      rows.forEach((row, place) => {
        adversarial.data.set(
          part.adversarial.data.subarray(place * size, (place + 1) * size),
          row * size,
        )
      })
    },
    result() {
      const staged = parts.find(({ part }) => part.stages)?.part.stages
      return {
        outcomes: spread(({ outcomes }) => outcomes),
        adversarial,
        forwardPasses: parts.reduce((sum, { part }) => sum + part.forwardPasses, 0),
        backwardPasses: parts.reduce((sum, { part }) => sum + part.backwardPasses, 0),
        // An example that was not attacked has no stages; its outcome is the same after each.
        ...(staged && {
          stages: staged.map(({ name }, at) => ({
            name,
            outcomes: spread(({ stages, outcomes }) => stages?.[at]?.outcomes ?? outcomes),
          })),
        }),
      }
    },
  }
}
