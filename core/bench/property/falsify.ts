/** Searches a counterexample of a VNN-LIB property, and checks it on the file itself. */
import { ConfigError } from '../../base/errors.ts'
import { g } from '../../engine/graph/graph.ts'
import { ort } from '../../engine/graph/onnxruntime.ts'
import type { Value } from '../../engine/graph/value.ts'
import { sizeOf, tensor } from '../../engine/tensor/tensor.ts'
import { boxView, intoBox } from '../../model/box-view.ts'
import type { Model } from '../../model/model.ts'
import { twoClassView } from '../../model/two-class-view.ts'
import type { Question } from '../../model/two-class-view.ts'
import { runAttack } from '../../plugin/host.ts'
import { resolveOptions } from '../../plugin/options.ts'
import type { PluginRegistry } from '../../plugin/registry.ts'
import { roundDown, roundUp } from '../../threat/rounding.ts'
import type { LinearConstraint, Property, PropertyCase } from './vnnlib.ts'

/** A point that satisfies a property. */
export interface Counterexample {
  /** float32, in the order of X_i. */
  readonly inputs: Float32Array
  /** What the file answers in onnxruntime, in the order of Y_j. */
  readonly outputs: Float32Array
}

/** What a search needs. */
export interface FalsifyRequest {
  readonly property: Property
  readonly model: Model
  /** The model's file, without anything before or after it. */
  readonly bytes: Uint8Array
  /** Attacks in order, by id. */
  readonly attacks: readonly string[]
  /** Runs an attack on the case at that position: see `searchCase`. */
  search(attack: string, oneCase: number): Promise<Float32Array>
}

/** What an attack on one case needs. */
export interface SearchRequest {
  readonly model: Model
  readonly registry: PluginRegistry
  readonly seed: number
  readonly signal: AbortSignal
}

/**
 * Attacks each case of the property in its box. A point counts only if onnxruntime, given the float32
 * point, answers outputs that satisfy all constraints of an alternative when compared in float64.
 * @returns the first counterexample; undefined if none was found, which proves nothing
 * @throws ConfigError if the numbers of inputs or outputs differ from the model's
 */
export async function falsify(request: FalsifyRequest): Promise<Counterexample | undefined> {
  const { property, model } = request
  const size = sizeOf(model.inputShape)
  if (property.inputs !== size || property.outputs !== model.classes) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `the property has ${property.inputs} inputs and ${property.outputs} outputs, the model ` +
        `${size} and ${model.classes}`,
    )
  }
  for (const [at, oneCase] of property.cases.entries()) {
    const found = await falsifyCase(oneCase, at, request)
    if (found) return found
  }
  return undefined
}

/**
 * Attacks one case of a property in its box.
 * @returns the point that the attack ends at, float32, in the order of X_i
 * @throws ConfigError for an unknown attack; errors of the attack
 */
export async function searchCase(
  { lower, upper, alternatives }: PropertyCase,
  id: string,
  { model, registry, seed, signal }: SearchRequest,
): Promise<Float32Array> {
  const box = roundedBox(lower, upper)
  const view = boxView(twoClassView(model, satisfies(alternatives)), box)
  const plugin = await registry.get('attack', id, '--attack')
  const { adversarial } = await runAttack({
    plugin,
    options: resolveOptions(plugin.meta, {}, id),
    model: view,
    inputs: tensor('float32', [1, ...model.inputShape], new Float32Array(lower.length)),
    labels: Int32Array.of(0),
    cleanPredictions: Int32Array.of(0),
    exampleIndices: [0],
    threatModel: { norm: 'Linf', epsilon: 1, bounds: [-1, 1] },
    seed,
    batchSize: 1,
    signal,
  })
  const point = new Float32Array(lower.length)
  intoBox(box, adversarial.data, point)
  return point
}

/** The box in float32, rounded inward. */
function roundedBox(
  lower: PropertyCase['lower'],
  upper: PropertyCase['upper'],
): { readonly lower: Float32Array; readonly upper: Float32Array } {
  return { lower: Float32Array.from(lower, roundUp), upper: Float32Array.from(upper, roundDown) }
}

async function falsifyCase(
  { lower, upper, alternatives }: PropertyCase,
  at: number,
  { model, bytes, attacks, search }: FalsifyRequest,
): Promise<Counterexample | undefined> {
  const box = roundedBox(lower, upper)
  if (box.lower.some((low, i) => low > box.upper[i]!)) return undefined
  const check = async (inputs: Float32Array): Promise<Counterexample | undefined> => {
    const outputs = await answerOf(bytes, model.inputShape, inputs)
    const holds = alternatives.some((all) => all.every((one) => valueOf(one, outputs) <= 0))
    return holds ? { inputs, outputs } : undefined
  }
  const middle = new Float32Array(lower.length)
  intoBox(box, new Float32Array(lower.length), middle)
  const atMiddle = await check(middle)
  if (atMiddle) return atMiddle
  for (const id of attacks) {
    const point = await search(id, at)
    const isInside = point.every((value, i) => value >= box.lower[i]! && value <= box.upper[i]!)
    const found = isInside ? await check(point) : undefined
    if (found) return found
  }
  return undefined
}

function valueOf({ outputs, constant }: LinearConstraint, answers: Float32Array): number {
  let sum = constant
  for (const [index, weight] of outputs) sum += weight * answers[index]!
  return sum
}

/** 0, and the largest over the alternatives of the smallest slack of their constraints. */
function satisfies(alternatives: PropertyCase['alternatives']): Question {
  const slack = (logits: Value, { outputs, constant }: LinearConstraint): Value => {
    const weights = Float64Array.from({ length: Number(logits.shape[1]) }, (_, j) =>
      outputs.has(j) ? -outputs.get(j)! : 0,
    )
    const weighted = g.mul(logits, g.floats([1, weights.length], [...weights]))
    return g.sub(g.reduceSum(weighted, [1], true), constant)
  }
  const smallest = (values: readonly Value[]): Value =>
    values.length === 1 ? values[0]! : g.neg(g.reduceMax(g.neg(g.concat(values, 1)), [1], true))
  return {
    parameter: 0,
    express(logits) {
      const slacks = alternatives.map((all) => smallest(all.map((one) => slack(logits, one))))
      const largest = slacks.length === 1 ? slacks[0]! : g.reduceMax(g.concat(slacks, 1), [1], true)
      return g.concat([g.mul(largest, 0), largest], 1)
    },
    compute(logits, output) {
      const slacks = alternatives.map((all) => Math.min(...all.map((one) => -valueOf(one, logits))))
      output[0] = 0
      output[1] = Math.max(...slacks)
    },
  }
}

/** The outputs of the file for one input, as onnxruntime computes them. */
async function answerOf(
  bytes: Uint8Array,
  inputShape: readonly number[],
  inputs: Float32Array,
): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(bytes)
  try {
    const [name, output] = [session.inputNames[0]!, session.outputNames[0]!]
    const [metadata] = session.inputMetadata
    const stated = metadata?.isTensor ? metadata.shape : []
    const dims = stated.map((length) => (typeof length === 'number' && length > 0 ? length : 1))
    const shape = sizeOf(dims) === inputs.length ? dims : [1, ...inputShape]
    const answer = await session.run({ [name]: new ort.Tensor('float32', inputs, shape) })
    return Float32Array.from(answer[output]!.data as Float32Array)
  } finally {
    await session.release()
  }
}
