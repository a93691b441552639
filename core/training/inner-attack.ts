/** Attacks inside training: projected ascent of any loss over any variables. */
import { gradient } from '../engine/graph/gradient.ts'
import { g } from '../engine/graph/graph.ts'
import { foldBatchNormalization } from '../engine/graph/rewrite.ts'
import type { Value } from '../engine/graph/value.ts'
import { int64, type FloatTensor, type Tensor } from '../engine/tensor/tensor.ts'
import type { RandomStream } from '../base/random.ts'
import type { AttackVariable } from './attack-variable.ts'
import { placeholders, weightedGraph, type WeightedGraph } from './model-function.ts'
import { ModuleScope } from './module.ts'
import type { InputShape } from './input-shape.ts'
import type { ParameterStore } from './scope.ts'

/** What the loss of an inner attack sees. */
export interface InnerAttackInputs<Names extends string = string> {
  /** The perturbed images `[n, c, h, w]`. */
  readonly images: Value
  /** `[n]` int64. */
  readonly labels: Value
  /** The result of `InnerAttack.reference` at the clean images. */
  readonly reference: Value | undefined
  /** Further inputs by name. */
  readonly extra: Readonly<Record<Names, Value>>
}

/** A definition of an attack on the current weights. Modules are applied at inference. */
export interface InnerAttack<Names extends string = string> {
  readonly name: string
  /** Number of gradient steps. */
  readonly steps: number
  /** What is optimized, by name. */
  readonly variables: Readonly<Record<string, AttackVariable>>
  /**
   * The perturbed images of the variables and the clean images. Default: the value of the variable
   * `images`.
   */
  perturb?(variables: Readonly<Record<string, Value>>, clean: Value): Value
  /** Further inputs of the loss. */
  readonly inputs?: Readonly<Record<Names, InputShape>>
  /** A quantity at the clean images that the loss needs, `[n, …]`. */
  reference?(m: ModuleScope, clean: Value): Value
  /** `[n]`; the attack increases it. */
  loss(m: ModuleScope, inputs: InnerAttackInputs<Names>): Value
}

/** One call of an inner attack. */
export interface InnerAttackRun<Names extends string = string> {
  /** Clean images `[n, c, h, w]`. */
  readonly images: FloatTensor
  readonly labels: Int32Array
  /** For the start. */
  readonly random: RandomStream
  /** Factor of radii and step sizes, in [0, 1]; default 1. */
  readonly scale?: number
  readonly extra?: Readonly<Record<Names, Tensor>>
}

/** The end of an inner attack. */
export interface InnerAttackResult {
  /** The perturbed images `[n, c, h, w]`. */
  readonly images: FloatTensor
  /** The last values of the variables, by name. */
  readonly variables: Readonly<Record<string, FloatTensor>>
}

/** Evaluates a graph of the current weights. */
export type Evaluate = (feeds: Readonly<Record<string, Tensor>>) => Promise<Record<string, Tensor>>

/** The graphs of an inner attack. */
export interface InnerAttackGraphs {
  /** From variables, `labels`, `clean`, `reference` and further inputs to `gradient/VARIABLE`. */
  readonly gradients: WeightedGraph
  /** From `clean` to `reference`; undefined without one. */
  readonly reference: WeightedGraph | undefined
  /** From variables and `clean` to `images`; undefined if the variable `images` is the result. */
  readonly perturbed: WeightedGraph | undefined
}

const variablePrefix = 'variable/'

/** Builds the graphs of an attack on images of that shape. */
export function innerAttackGraphs<Names extends string>(
  attack: InnerAttack<Names>,
  imageShape: readonly number[],
  store: ParameterStore,
): InnerAttackGraphs {
  const clean = g.input('clean', 'float32', ['n', ...imageShape])
  const labels = g.input('labels', 'int64', ['n'])
  const variables = Object.fromEntries(
    Object.entries(attack.variables).map(([name, variable]) => [
      name,
      g.input(`${variablePrefix}${name}`, 'float32', ['n', ...variable.shape(imageShape)]),
    ]),
  )
  const found = attack.reference?.(new ModuleScope(store), clean)
  const reference = found && g.input('reference', found.dtype, found.shape)
  // Without further inputs there are no names.
  const extra = placeholders((attack.inputs ?? {}) as Record<Names, InputShape>, 'n')
  const perturbed = attack.perturb?.(variables, clean)
  const images = perturbed ?? variables['images']!
  const loss = attack.loss(new ModuleScope(store), { images, labels, reference, extra })
  const names = Object.keys(variables)
  const gradients = gradient(inferenceLoss(loss), Object.values(variables))
  const outputs = Object.fromEntries(names.map((name, i) => [`gradient/${name}`, gradients[i]!]))
  return {
    gradients: weightedGraph(outputs, store),
    reference: found && weightedGraph({ reference: found }, store),
    perturbed: perturbed && weightedGraph({ images: perturbed }, store),
  }
}

/**
 * A loss with batch normalization folded before its gradient is taken. Otherwise the gradient
 * multiplies by the scale of each channel in an operation of its own, outside the blocked layout:
 * 12 % of a step of ResNet-18 with 16 channels.
 */
export function inferenceLoss(loss: Value): Value {
  const [folded] = foldBatchNormalization([loss])
  return folded!
}

/** How to evaluate the graphs of an attack. */
export interface InnerAttackEvaluators {
  readonly gradients: Evaluate
  readonly reference: Evaluate | undefined
  readonly perturbed: Evaluate | undefined
}

/** Ascends the loss by projected steps. */
export async function runInnerAttack<Names extends string>(
  attack: InnerAttack<Names>,
  evaluate: InnerAttackEvaluators,
  { images: clean, labels, random, scale = 1, extra }: InnerAttackRun<Names>,
): Promise<InnerAttackResult> {
  const variables = Object.entries(attack.variables)
  const values = new Map(
    variables.map(([name, variable]) => [name, variable.start(clean, random, scale)]),
  )
  const memories = new Map(
    [...values].map(([name, { data }]) => [name, new Float32Array(data.length)]),
  )
  const feeds: Record<string, Tensor> = {
    clean,
    labels: int64([labels.length], labels),
    ...extra,
    ...(await evaluate.reference?.({ clean })),
  }
  for (const [name, value] of values) feeds[`${variablePrefix}${name}`] = value
  for (let step = 0; step < attack.steps; step++) {
    const gradients = await evaluate.gradients(feeds)
    for (const [name, variable] of variables) {
      const slope = gradients[`gradient/${name}`]!.data as Float32Array
      variable.step(values.get(name)!, slope, clean, scale, memories.get(name)!)
    }
  }
  const images = evaluate.perturbed
    ? ((await evaluate.perturbed(feeds))['images'] as FloatTensor)
    : values.get('images')!
  return { images, variables: Object.fromEntries(values) }
}
