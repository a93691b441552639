/** Gradients of several logit differences at once. */
import { GraphError } from '../base/errors.ts'
import { g } from '../engine/graph/graph.ts'
import { targetedMargin } from '../model/losses.ts'
import type { Model, Program, ProgramDefinition, ProgramScope } from '../model/model.ts'
import { int64 } from '../engine/tensor/tensor.ts'
import type { FloatTensor, Tensor } from '../engine/tensor/tensor.ts'

/** Logits, and the gradients of logit differences. */
export interface ClassGradientResult {
  /** `[n, k]` */
  readonly logits: FloatTensor
  /**
   * One for each list of rivals, in the shape of the points: row i is ∂(z_rival − z_label)/∂x of
   * example i.
   */
  readonly gradients: readonly FloatTensor[]
}

/**
 * Computes the gradients.
 * @param points `[n, c, h, w]`
 * @param labels `[n]`
 * @param rivals as many lists as were prepared, each `[n]`
 */
export type ClassGradients = (
  points: FloatTensor,
  labels: Int32Array,
  rivals: readonly Int32Array[],
) => Promise<ClassGradientResult>

/** Backward passes that share a forward pass. Each takes memory for a copy of the weights. */
const perProgram = 9

/**
 * Prepares gradients toward `count` rivals per example, as DeepFool and untargeted FAB need them.
 * If the model can compile, up to nine gradients share one forward pass; otherwise each gradient
 * takes its own.
 * @throws the errors of the model, except for GraphError, which the first call of the result throws
 */
export async function prepareClassGradients(model: Model, count: number): Promise<ClassGradients> {
  const sizes = groupSizes(count)
  // A single gradient shares its forward pass already.
  const programs = count > 1 ? await compileAll(model, sizes) : undefined
  if (programs === undefined) return (...request) => oneByOne(model, ...request)
  return async (points, labels, rivals) => {
    const gradients: FloatTensor[] = []
    let logits: FloatTensor | undefined
    for (const size of sizes) {
      const first = gradients.length
      const feeds: Record<string, Tensor> = { points, labels: int64([labels.length], labels) }
      for (let i = 0; i < size; i++) {
        feeds[`rivals${i}`] = int64([labels.length], rivals[first + i]!)
      }
      const outputs = await programs.get(size)!.run(feeds)
      // All outputs are float32, as the model's inputs and logits are.
      logits ??= outputs['logits'] as FloatTensor
      for (let i = 0; i < size; i++) gradients.push(outputs[`gradient${i}`] as FloatTensor)
    }
    return { logits: logits!, gradients }
  }
}

/** Passes per example for gradients toward `count` rivals, if the model can compile. */
export function classGradientCost(count: number): {
  readonly forward: number
  readonly backward: number
} {
  return { forward: groupSizes(count).length, backward: count }
}

function groupSizes(count: number): number[] {
  return Array.from({ length: Math.ceil(count / perProgram) }, (_, group) =>
    Math.min(perProgram, count - group * perProgram),
  )
}

/** One program for each distinct size; undefined if the model cannot compile. */
async function compileAll(
  model: Model,
  sizes: readonly number[],
): Promise<ReadonlyMap<number, Program> | undefined> {
  const programs = new Map<number, Program>()
  try {
    for (const size of new Set(sizes)) {
      programs.set(size, await model.compile((scope) => define(scope, model.inputShape, size)))
    }
  } catch (error) {
    if (error instanceof GraphError) return undefined
    throw error
  }
  return programs
}

function define(
  scope: ProgramScope,
  inputShape: Model['inputShape'],
  size: number,
): ProgramDefinition {
  const points = g.input('points', 'float32', ['n', ...inputShape])
  const labels = g.input('labels', 'int64', ['n'])
  const rivals = Array.from({ length: size }, (_, i) => g.input(`rivals${i}`, 'int64', ['n']))
  const logits = scope.logits(points)
  const gradients = rivals.map((targets, i) => {
    const [gradient] = scope.gradient(targetedMargin(logits, labels, targets), [points])
    return [`gradient${i}`, gradient!] as const
  })
  return {
    inputs: [points, labels, ...rivals],
    outputs: { logits, ...Object.fromEntries(gradients) },
  }
}

async function oneByOne(
  model: Model,
  points: FloatTensor,
  labels: Int32Array,
  rivals: readonly Int32Array[],
): Promise<ClassGradientResult> {
  const gradients: FloatTensor[] = []
  let logits: FloatTensor | undefined
  for (const targets of rivals) {
    const result = await model.gradient(points, labels, targetedMargin, targets)
    logits ??= result.logits
    gradients.push(result.gradient)
  }
  return { logits: logits!, gradients }
}
