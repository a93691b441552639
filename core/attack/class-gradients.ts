/** The gradients of several differences of logits at once: what deepfool and untargeted fab linearize with. */
import { GraphError } from '../base/errors.ts'
import { g } from '../engine/graph/graph.ts'
import { targetedMargin } from '../model/losses.ts'
import type { Model, Program, ProgramDefinition, ProgramScope } from '../model/model.ts'
import { int64 } from '../engine/tensor/tensor.ts'
import type { FloatTensor, Tensor } from '../engine/tensor/tensor.ts'

export interface ClassGradientResult {
  /** `[n, k]` */
  readonly logits: FloatTensor
  /** For each list of rivals, in the shape of the points: row i is ∂(z_rival − z_label)/∂x of example i. */
  readonly gradients: readonly FloatTensor[]
}

/**
 * @param points `[n, c, h, w]`
 * @param labels `[n]`
 * @param rivals as many lists as were asked for, each `[n]`
 */
export type ClassGradients = (
  points: FloatTensor,
  labels: Int32Array,
  rivals: readonly Int32Array[],
) => Promise<ClassGradientResult>

/** Backward passes that share a forward pass. Each takes memory for a copy of the weights. */
const perProgram = 9

/**
 * Prepares the gradients towards `count` rivals. Of each nine, one forward pass is shared, where the model can compile; where it cannot,
 * each gradient has its own.
 * @throws whatever the model throws for a reason other than its graph; GraphError comes from the gradients themselves, when they are asked for.
 */
export async function prepareClassGradients(model: Model, count: number): Promise<ClassGradients> {
  const sizes = groupSizes(count)
  // A single gradient shares its pass anyhow.
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
      const answers = await programs.get(size)!.run(feeds)
      // All outputs are float32, as the model's inputs and logits are.
      logits ??= answers['logits'] as FloatTensor
      for (let i = 0; i < size; i++) gradients.push(answers[`gradient${i}`] as FloatTensor)
    }
    return { logits: logits!, gradients }
  }
}

/** Passes for one example's gradients towards so many rivals, where the model can compile. */
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

/** A program for each size that occurs; undefined if the model cannot compile. */
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
    const answer = await model.gradient(points, labels, targetedMargin, targets)
    logits ??= answer.logits
    gradients.push(answer.gradient)
  }
  return { logits: logits!, gradients }
}
