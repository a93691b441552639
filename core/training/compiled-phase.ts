/** A phase in a session, and what its graph is fed. */
import { float32, type FloatTensor, type Tensor } from '../engine/tensor/tensor.ts'
import { tfjsDevice, withoutPrecision } from '../engine/graph/session-device.ts'
import { Session, type SessionOptions } from '../engine/graph/session.ts'
import { defaultStepping } from '../model/step-programs.ts'
import { batchesPerRun, loadsSoon } from './device-runs.ts'
import type { InnerAttackRun } from './inner-attack.ts'
import { stepsInGraph } from './inner-attack-steps.ts'
import type { ParameterGroup, Phase, PhaseAttack, TrainingBatch } from './phase.ts'
import {
  decayInput,
  perturbationInput,
  phaseGraph,
  rateInput,
  type PhaseGraph,
} from './phase-graph.ts'
import type { TrainerOptions } from './recipe.ts'
import { scheduleFactor } from './schedule.ts'
import type { ParameterStore } from './scope.ts'
import { averagingDecay, type TrainingState } from './training-state.ts'

/** A phase that is ready to run on one batch, or on several in turn. */
export interface CompiledPhase {
  readonly phase: Phase
  readonly session: Session
  /** Whether the phase's attack is part of the graph. */
  readonly attackInside: boolean
}

/** The phases of a recipe, compiled. */
export interface CompiledPhases {
  readonly phases: readonly CompiledPhase[]
  readonly graphs: readonly PhaseGraph[]
  /** Batches of the only phase that one run can take; 1 with several phases, and on CPUs. */
  readonly batchesPerRun: number
}

/** Compiles the phases of a recipe for one batch a run. */
export async function compilePhases(
  options: TrainerOptions,
  store: ParameterStore,
): Promise<CompiledPhases> {
  const built = options.recipe.phases.map((phase, index) =>
    buildPhase(options, store, phase, index),
  )
  const phases = await Promise.all(
    built.map(async ({ phase, graph, attackInside }) => ({
      phase,
      session: await compile(phase, graph, options),
      attackInside,
    })),
  )
  const graphs = built.map(({ graph }) => graph)
  const isJoint = stepsOnDevice(options) && graphs.length === 1
  return { phases, graphs, batchesPerRun: isJoint ? batchesPerRun(graphs[0]!) : 1 }
}

/** Compiles the only phase of a recipe for several batches a run. */
export async function compileJoint(
  options: TrainerOptions,
  store: ParameterStore,
  { phase, attackInside }: CompiledPhase,
  batches: number,
): Promise<CompiledPhase> {
  const { recipe, batch } = options
  const averaged = exponentiallyAveraged(recipe.phases, 0)
  const graph = phaseGraph(phase, store, { batch, averaged, batches, attackInside })
  return { phase, session: await compile(phase, graph, options), attackInside }
}

type DeviceOptions = Pick<TrainerOptions, 'device' | 'threads' | 'stepping'>

/** Whether inner attacks step on the device of a training. */
export function stepsOnDevice({ device = 'cpu', stepping }: DeviceOptions): boolean {
  return (stepping ?? defaultStepping(device)) === 'device'
}

/** Options of all sessions of a training, which computes in float32 on every device. */
export function sessionOptions({ device = 'cpu', threads }: DeviceOptions): SessionOptions {
  const plain = withoutPrecision(device)
  return { device: plain === tfjsDevice ? 'cpu' : plain, threads }
}

interface BuiltPhase {
  readonly phase: Phase
  readonly graph: PhaseGraph
  readonly attackInside: boolean
}

/** The graph of one batch, with the phase's attack inside where the device takes its steps. */
function buildPhase(
  options: TrainerOptions,
  store: ParameterStore,
  phase: Phase,
  index: number,
): BuiltPhase {
  const { recipe, batch } = options
  const averaged = exponentiallyAveraged(recipe.phases, index)
  if (phase.attack && stepsOnDevice(options) && stepsInGraph(phase.attack.definition)) {
    const graph = phaseGraph(phase, store, { batch, averaged, attackInside: true })
    if (loadsSoon(graph)) return { phase, graph, attackInside: true }
  }
  return { phase, graph: phaseGraph(phase, store, { batch, averaged }), attackInside: false }
}

function compile(
  phase: Phase,
  { outputs, inputs }: PhaseGraph,
  options: TrainerOptions,
): Promise<Session> {
  return Session.compile(outputs, inputs, sessionOptions(options), phase.name)
}

/** One run of a phase's attack on what the phase has prepared. */
export function attackRun(
  attack: PhaseAttack,
  prepared: Readonly<Record<string, Tensor>>,
  batch: TrainingBatch,
): InnerAttackRun {
  // The input of an attack holds images.
  const images = prepared[attack.input] as FloatTensor
  return { images, labels: batch.labels, ...attack.settings(batch) }
}

/**
 * Learning rates, averaging decays and perturbation sizes of a phase.
 * @param ahead batches of the same run before this one
 */
export function phaseScalars(
  phase: Phase,
  state: TrainingState,
  progress: number,
  ahead = 0,
): Record<string, Tensor> {
  const scalars: Record<string, Tensor> = {}
  for (const group of state.groups) {
    const { rate, schedule = 'constant', warmup = 0, averaging, name } = group
    scalars[rateInput(group)] = scalar(rate * scheduleFactor(schedule, progress, warmup))
    const own = phase.steps.filter((step) => step.updates.includes(group)).length
    const updates = (state.tensors.get(`count/${name}`)?.data[0] ?? 0) + ahead * own
    scalars[decayInput(group)] = scalar(averagingDecay(averaging, updates + 1))
  }
  phase.steps.forEach(({ weightPerturbation }, index) => {
    if (!weightPerturbation) return
    const { gamma, from = 0 } = weightPerturbation
    scalars[perturbationInput(index)] = scalar(progress < from ? 0 : gamma)
  })
  return scalars
}

function scalar(value: number): Tensor {
  return float32([], [value])
}

/** Groups with an exponential average that no later phase updates. */
function exponentiallyAveraged(phases: readonly Phase[], index: number): ParameterGroup[] {
  const groupsOf = (phase: Phase): readonly ParameterGroup[] =>
    phase.steps.flatMap(({ updates }) => updates)
  const later = new Set(phases.slice(index + 1).flatMap(groupsOf))
  const own = new Set(groupsOf(phases[index]!))
  return [...own].filter((group) => group.averaging?.kind === 'ema' && !later.has(group))
}
