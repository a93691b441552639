/** Several steps of an attack as one graph, so that a device takes them without the host. */
import { g } from '../engine/graph/graph.ts'
import { substitute } from '../engine/graph/rewrite.ts'
import { usesProcessor } from '../engine/graph/session-device.ts'
import { topologicalOrder, type Value } from '../engine/graph/value.ts'
import type { Tensor } from '../engine/tensor/tensor.ts'
import type { GradientExpression } from './gradient-expression.ts'
import type { Model, TargetedLoss } from './model.ts'

/** Where the steps of an attack are computed: by the host, or in the graph of the passes. */
export type Stepping = 'host' | 'device'

/** The type of numbers between the float32 values of a step: where it rounds like the host. */
export type StepPrecision = 'float32' | 'float64'

/** A gradient pass that a step makes, as expressions. */
export interface StepPass {
  /** Placeholders `[n, c, h, w]`, `[n]` (int64), and, for a targeted loss, `[n]` (int64). */
  readonly images: Value
  readonly labels: Value
  readonly targets: Value
  /** `[n, k]`, `[n]`, and `[n, c, h, w]`, all float32. */
  readonly logits: Value
  readonly losses: Value
  readonly gradient: Value
  readonly precision: StepPrecision
}

/** One step as expressions, whose values all have a row for each example. */
export interface StepExpression {
  /** Each placeholder of the state, `images` included, and its value after the step. */
  readonly next: ReadonlyMap<Value, Value>
  /** Placeholders with other values in each step. */
  readonly perStep: readonly Value[]
  /** What the host learns of each step. */
  readonly reports: Readonly<Record<string, Value>>
}

/** A kind of step. Programs are cached by this object, so create one for each kind. */
export interface StepDefinition {
  /** The loss whose gradient the step takes. */
  readonly loss: TargetedLoss
  build(pass: StepPass): StepExpression
}

/**
 * Repeated steps. Feeds: the state and all other placeholders by their names; `NAME/i` for a
 * placeholder of step i. Outputs: `next/NAME` for the state after the last step, and `NAME/i` for a
 * report of step i. Each step counts as a forward and a backward pass.
 */
export interface StepProgram {
  readonly precision: StepPrecision
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>
}

/** Compiles a number of steps of one kind. */
export type OpenSteps = (definition: StepDefinition, steps: number) => Promise<StepProgram>

/** The key of the capability, which the public API does not export. */
export const deviceSteps: unique symbol = Symbol('device steps')

/** A model that can take the steps of an attack. A view without the key cannot. */
export interface SteppingModel extends Model {
  readonly [deviceSteps]?: OpenSteps | undefined
}

/**
 * How to compile steps on the device of a model; undefined where the host takes them: on the CPU,
 * where that is as fast, for stochastic models, whose random numbers come from the host, and for
 * views of a model that replace its logits.
 */
export function stepsOnDevice(model: Model): OpenSteps | undefined {
  const { [deviceSteps]: open }: SteppingModel = model
  return open && ((definition, steps) => open.call(model, definition, steps))
}

/** Where steps are taken by default. */
export function defaultStepping(device: string): Stepping {
  return usesProcessor(device) ? 'host' : 'device'
}

/** The type in which a device computes steps. WebGPU and its kind have no float64. */
export function stepPrecision(device: string): StepPrecision {
  return /^(?:cpu|cuda)(?::|$)/.test(device) ? 'float64' : 'float32'
}

/** A graph that repeats a step. */
export interface RepeatedStep {
  readonly inputs: readonly Value[]
  readonly outputs: Readonly<Record<string, Value>>
}

/** Composes steps by substitution. What depends on weights alone is shared by all of them. */
export function repeatStep(
  { inputs: [images, labels, targets], outputs: pass }: GradientExpression,
  definition: StepDefinition,
  steps: number,
  precision: StepPrecision,
): RepeatedStep {
  const step = definition.build({ images, labels, targets, ...pass, precision })
  const placeholders = [...step.next.keys()]
  const names = Object.keys(step.reports)
  const outputs: Record<string, Value> = {}
  let state: readonly Value[] = placeholders
  for (let index = 0; index < steps; index++) {
    const replacements = new Map(placeholders.map((value, i) => [value, state[i]!]))
    for (const value of step.perStep) {
      replacements.set(value, g.input(`${value.node.name}/${index}`, value.dtype, value.shape))
    }
    const values = substitute([...step.next.values(), ...Object.values(step.reports)], replacements)
    state = values.slice(0, placeholders.length)
    names.forEach((name, i) => (outputs[`${name}/${index}`] = values[placeholders.length + i]!))
  }
  placeholders.forEach((value, i) => (outputs[`next/${value.node.name}`] = state[i]!))
  const used = topologicalOrder(Object.values(outputs)).filter(({ op }) => op === 'Input')
  return { inputs: used.map((node) => node.outputs[0]!), outputs }
}
