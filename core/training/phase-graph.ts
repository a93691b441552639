/** Compiles the optimization steps of a phase into one graph of the state of training. */
import { GraphError } from '../base/errors.ts'
import { float32, sizeOf, type FloatTensor } from '../engine/tensor/tensor.ts'
import { g } from '../engine/graph/graph.ts'
import { gradient } from '../engine/graph/gradient.ts'
import { substitute } from '../engine/graph/rewrite.ts'
import type { Value } from '../engine/graph/value.ts'
import { expressInnerAttack } from './inner-attack-steps.ts'
import { placeholders, usedInputs } from './model-function.ts'
import { ModuleScope } from './module.ts'
import type { OptimizationStep, ParameterGroup, Phase } from './phase.ts'
import type { Parameter, ParameterStore } from './scope.ts'

/** The prefix of outputs that replace the state of that name. */
export const newPrefix = 'new/'
/** Names of scalars that the host feeds: the learning rate of a group. */
export const rateInput = (group: ParameterGroup): string => `rate/${group.name}`
/** The decay of a group's exponential average at this step. */
export const decayInput = (group: ParameterGroup): string => `decay/${group.name}`
/** γ of the weight perturbation of a step; 0 before its start. */
export const perturbationInput = (step: number): string => `perturbation/${step}`
/** The name of a group's averaged parameter in the state. */
export const averageName = (parameter: Parameter): string => `average/${parameter.name}`

/** The prefix of what differs between the batches of a graph; none for a single batch. */
export const batchPrefix = (index: number, batches: number): string =>
  batches === 1 ? '' : `batch${index}/`
/** The start of a variable of the phase's attack. */
export const startInput = (variable: string): string => `start/${variable}`
/** The factor of the attack's radius. */
export const scaleInput = 'scale'

/** A phase as a graph. */
export interface PhaseGraph {
  /**
   * `new/…`, and for each batch with its prefix: `loss`, `metric/…`, and `correct` where logits are
   * known.
   */
  readonly outputs: Readonly<Record<string, Value>>
  readonly inputs: readonly Value[]
  /** State that the graph reads or writes, with initial values. */
  readonly initial: ReadonlyMap<string, FloatTensor>
  /** Parameters that the steps update, by group. */
  readonly trained: ReadonlyMap<ParameterGroup, readonly Parameter[]>
}

/** How to build the graph of a phase. */
export interface PhaseGraphOptions {
  /** Number of examples. */
  readonly batch: number
  /** Groups whose exponential average is updated after the steps; default: none. */
  readonly averaged?: readonly ParameterGroup[]
  /** Batches that the graph takes in turn; default 1. */
  readonly batches?: number
  /** Whether the phase's attack is part of the graph; default: its input is attacked before. */
  readonly attackInside?: boolean
}

/**
 * Builds the graph of a phase.
 * @throws GraphError ROBENCH_GRAPH if a step updates a group that its loss does not use
 */
export function phaseGraph(
  phase: Phase,
  store: ParameterStore,
  { batch, averaged = [], batches = 1, attackInside = false }: PhaseGraphOptions,
): PhaseGraph {
  const shapes = { ...phase.inputs, labels: { shape: [], dtype: 'int64' } } as const
  const state = new GraphState()
  const trained = new Map<ParameterGroup, Set<Parameter>>()
  const reports: Record<string, Value> = {}
  for (let at = 0; at < batches; at++) {
    const prefix = batchPrefix(at, batches)
    state.prefix = prefix
    const inputs = placeholders(shapes, batch, prefix)
    if (attackInside) attackInput(phase, inputs, store, state)
    phase.steps.forEach((step, index) => {
      const built = buildStep(phase, step, index, inputs, store, state)
      for (const [group, parameters] of built.trained) {
        trained.set(group, new Set([...(trained.get(group) ?? []), ...parameters]))
      }
      for (const [name, value] of built.reports) {
        // The first step reports loss and accuracy.
        reports[`${prefix}${name}`] ??= value
      }
    })
    for (const group of averaged) average(group, store, state)
  }
  const outputs = { ...reports, ...state.outputs() }
  return {
    outputs,
    inputs: usedInputs(Object.values(outputs)),
    initial: state.initial,
    trained: new Map([...trained].map(([group, parameters]) => [group, [...parameters]])),
  }
}

/** Values of the state in a graph: at its start, and after the steps so far. */
class GraphState {
  /** Of the scalars of the current batch. */
  prefix = ''
  /** Initial values by name. */
  readonly initial = new Map<string, FloatTensor>()
  readonly #placeholders = new Map<string, Value>()
  readonly #current = new Map<Value, Value>()
  readonly #scalars = new Map<string, Value>()

  /** The placeholder of a state tensor. */
  placeholder(name: string, initial: FloatTensor, value?: Value): Value {
    const known = this.#placeholders.get(name)
    if (known) return known
    const created = value ?? g.input(name, 'float32', initial.shape)
    this.#placeholders.set(name, created)
    this.initial.set(name, initial)
    return created
  }

  parameter(parameter: Parameter): Value {
    return this.placeholder(parameter.value.node.name, parameter.initial, parameter.value)
  }

  /** A state tensor of a parameter's shape that starts at zero. */
  slot(name: string, shape: readonly number[]): Value {
    return this.placeholder(name, float32(shape, new Float32Array(sizeOf(shape))))
  }

  /** A scalar that the host feeds. */
  scalar(name: string): Value {
    const full = `${this.prefix}${name}`
    const known = this.#scalars.get(full) ?? g.input(full, 'float32', [])
    this.#scalars.set(full, known)
    return known
  }

  /** Expressions of the state before a step, in terms of the state before the graph. */
  resolve(values: readonly Value[]): Value[] {
    return substitute(values, this.#current)
  }

  /** Replaces placeholders by expressions of the state before this step. */
  advance(next: ReadonlyMap<Value, Value>): void {
    const resolved = this.resolve([...next.values()])
    ;[...next.keys()].forEach((placeholder, i) => this.#current.set(placeholder, resolved[i]!))
  }

  /** The changed state. */
  outputs(): Record<string, Value> {
    const outputs: Record<string, Value> = {}
    for (const [name, placeholder] of this.#placeholders) {
      const value = this.#current.get(placeholder)
      if (value) outputs[`${newPrefix}${name}`] = value
    }
    return outputs
  }
}

/** Replaces the clean images of an input by attacked ones, with the parameters of this moment. */
function attackInput(
  { attack, name }: Phase,
  inputs: Readonly<Record<string, Value>>,
  store: ParameterStore,
  state: GraphState,
): void {
  if (!attack) throw new GraphError('ROBENCH_GRAPH', `phase "${name}" has no attack`)
  const clean = inputs[attack.input]!
  const starts = Object.fromEntries(
    Object.entries(attack.definition.variables).map(([variable, { shape }]) => [
      variable,
      g.input(`${state.prefix}${startInput(variable)}`, 'float32', [
        clean.shape[0]!,
        ...shape(clean.shape.slice(1) as number[]),
      ]),
    ]),
  )
  const scale = state.scalar(scaleInput)
  const { images } = expressInnerAttack(attack.definition, store, {
    clean,
    labels: inputs['labels']!,
    scale,
    starts,
    extra: {},
  })
  // What a step sees in place of the clean images is a constant to its gradient.
  state.advance(new Map([[clean, images]]))
}

interface BuiltStep {
  readonly trained: ReadonlyMap<ParameterGroup, readonly Parameter[]>
  readonly reports: readonly (readonly [name: string, value: Value])[]
}

function buildStep(
  phase: Phase,
  step: OptimizationStep,
  index: number,
  inputs: Readonly<Record<string, Value>>,
  store: ParameterStore,
  state: GraphState,
): BuiltStep {
  const m = new ModuleScope(store)
  const result = step.loss(m, inputs)
  // Parameters that no step updates are part of the state, too.
  for (const parameter of m.parameters.keys()) state.parameter(parameter)
  const trained = trainedParameters(phase, step, m)
  const parameters = [...trained.values()].flat()
  const objective = step.direction === 'ascend' ? g.neg(result.loss) : result.loss
  const reports = Object.entries(reportsOf(result, inputs['labels']!))
  const statistics = [...m.updates].map(([name, value]) => [store.get(name)!, value] as const)
  const values = [
    ...gradient(
      objective,
      parameters.map(({ value }) => value),
      { overrides: new Map((result.detached ?? []).map((value) => [value, null])) },
    ),
    ...reports.map(([, value]) => value),
    ...statistics.map(([, value]) => value),
  ]
  const used = step.weightPerturbation
    ? perturbWeights(values, parameters, state.scalar(perturbationInput(index)))
    : values
  const gradients = new Map(parameters.map((parameter, i) => [parameter, used[i]!]))
  const reported = used.slice(parameters.length, parameters.length + reports.length)
  const next = new Map<Value, Value>()
  statistics.forEach(([parameter], i) => {
    next.set(state.parameter(parameter), used[parameters.length + reports.length + i]!)
  })
  for (const [group, members] of trained) updateGroup(group, members, gradients, state, next)
  // Resolved before the state advances.
  const resolved = state.resolve(reported)
  state.advance(next)
  return { trained, reports: reports.map(([name], i) => [name, resolved[i]!] as const) }
}

/** The trainable parameters of each group that the loss uses. */
function trainedParameters(
  phase: Phase,
  step: OptimizationStep,
  m: ModuleScope,
): ReadonlyMap<ParameterGroup, readonly Parameter[]> {
  return new Map(
    step.updates.map((group) => {
      const members = [...m.parameters].flatMap(([parameter, module]) =>
        parameter.trainable && group.modules.includes(module) ? [parameter] : [],
      )
      if (members.length > 0) return [group, members]
      throw new GraphError(
        'ROBENCH_GRAPH',
        `phase "${phase.name}": the loss does not use the parameters of group "${group.name}", ` +
          'which the step updates; apply one of its modules',
      )
    }),
  )
}

function reportsOf(
  { loss, logits, metrics = {} }: ReturnType<OptimizationStep['loss']>,
  labels: Value,
): Record<string, Value> {
  const reports: Record<string, Value> = { loss }
  if (logits) {
    const predicted = g.op('ArgMax', [logits], { axis: 1, keepdims: 0 })[0]!
    reports['correct'] = g.reduceSum(g.cast(g.equal(predicted, labels), 'float32'), [0])
  }
  for (const [name, value] of Object.entries(metrics)) reports[`metric/${name}`] = value
  return reports
}

/**
 * The values at weights moved against the objective: each kernel and matrix w by γ·‖w‖/‖∇‖·∇
 * (Wu et al. 2020, equation 9), with its gradient ∇ at w.
 */
function perturbWeights(
  values: readonly Value[],
  parameters: readonly Parameter[],
  gamma: Value,
): Value[] {
  const moved = new Map<Value, Value>()
  parameters.forEach(({ value, decays }, i) => {
    if (!decays) return
    const slope = values[i]!
    const ratio = g.div(lengthOf([value]), g.add(lengthOf([slope]), 1e-20))
    moved.set(value, g.add(value, g.mul(slope, g.mul(ratio, gamma))))
  })
  return substitute(values, moved)
}

/** The L2 norm of all values together, a scalar. */
function lengthOf(values: readonly Value[]): Value {
  const squares = values.map((value) =>
    g.reduceSumSquare(
      value,
      value.shape.map((_, axis) => axis),
    ),
  )
  return g.sqrt(squares.reduce((sum, square) => g.add(sum, square)))
}

function updateGroup(
  group: ParameterGroup,
  members: readonly Parameter[],
  gradients: ReadonlyMap<Parameter, Value>,
  state: GraphState,
  next: Map<Value, Value>,
): void {
  const { optimizer, clipNorm } = group
  const rate = state.scalar(rateInput(group))
  const before = state.slot(`count/${group.name}`, [])
  const count = g.add(before, 1)
  next.set(before, count)
  const slopes = members.map((parameter) => gradients.get(parameter)!)
  const factor = clipNorm && g.min(g.div(clipNorm, g.add(lengthOf(slopes), 1e-6)), 1)
  members.forEach((parameter, i) => {
    const slots = Object.fromEntries(
      optimizer.slots.map((slot) => [
        slot,
        state.slot(`${slot}/${parameter.name}`, parameter.initial.shape),
      ]),
    )
    const placeholder = state.parameter(parameter)
    const updated = optimizer.update({
      parameter: placeholder,
      gradient: factor ? g.mul(slopes[i]!, factor) : slopes[i]!,
      slots,
      rate,
      count,
      decays: parameter.decays,
    })
    next.set(placeholder, updated.parameter)
    for (const slot of optimizer.slots) next.set(slots[slot]!, updated.slots[slot]!)
  })
}

/** average ← average + (1 − decay)·(weight − average), running statistics included. */
function average(group: ParameterGroup, store: ParameterStore, state: GraphState): void {
  const decay = state.scalar(decayInput(group))
  const next = new Map<Value, Value>()
  for (const parameter of groupParameters(group, store)) {
    const old = state.placeholder(averageName(parameter), parameter.initial)
    const weight = state.parameter(parameter)
    next.set(old, g.add(weight, g.mul(g.sub(old, weight), decay)))
  }
  state.advance(next)
}

/** All parameters of a group's modules, running statistics included. */
export function groupParameters(group: ParameterGroup, store: ParameterStore): Parameter[] {
  const paths = group.modules.map(({ name }) => `${name}/`)
  return store.parameters.filter(({ name }) => paths.some((path) => name.startsWith(path)))
}
