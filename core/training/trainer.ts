/** Runs the phases of a training on batches: sessions, inner attacks, and the state. */
import type { Dataset } from '../data/dataset.ts'
import { Session } from '../engine/graph/session.ts'
import type { Value } from '../engine/graph/value.ts'
import { float32, int64, type Tensor } from '../engine/tensor/tensor.ts'
import { randomStream, type RandomStream } from '../base/random.ts'
import { exportedModel, exportModel, type ExportedModel } from './export-model.ts'
import {
  innerAttackGraphs,
  runInnerAttack,
  type Evaluate,
  type InnerAttack,
  type InnerAttackResult,
  type InnerAttackRun,
} from './inner-attack.ts'
import {
  functionGraph,
  WeightedSession,
  type ModelFunction,
  type WeightedGraph,
} from './model-function.ts'
import type { ModuleScope } from './module.ts'
import type { ParameterGroup, Phase, TrainingBatch } from './phase.ts'
import { decayInput, perturbationInput, phaseGraph, rateInput } from './phase-graph.ts'
import { scheduleFactor } from './schedule.ts'
import { ParameterStore, type Weights } from './scope.ts'
import { averagingDecay, TrainingState } from './training-state.ts'

/** What a training consists of. */
export interface TrainingRecipe {
  /** In order, for each batch. */
  readonly phases: readonly Phase[]
  /** The model of images `[n, c, h, w]` that is validated and exported. */
  model(m: ModuleScope, images: Value): Value | ExportedModel
}

/** The part of the options that a trainer needs. */
export interface TrainerOptions {
  readonly recipe: TrainingRecipe
  readonly data: Dataset
  readonly batch: number
  readonly seed: number
  readonly threads: number
}

/** Position of a batch in training. */
export interface BatchPosition {
  readonly epoch: number
  readonly step: number
  /** Fraction of training before this batch. */
  readonly progress: number
}

/** What the phases report for a batch. */
export type BatchReport = Readonly<Record<string, number>>

interface CompiledPhase {
  readonly phase: Phase
  readonly session: Session
}

interface InnerAttackSessions {
  readonly gradients: WeightedSession
  readonly reference: WeightedSession | undefined
  readonly perturbed: WeightedSession | undefined
}

/** Compiles a recipe and runs batches. `release` frees the native sessions. */
export class Trainer {
  readonly state: TrainingState
  readonly #options: TrainerOptions
  readonly #store: ParameterStore
  readonly #phases: readonly CompiledPhase[]
  readonly #functions = new Map<unknown, WeightedSession>()
  readonly #attacks = new Map<unknown, InnerAttackSessions>()

  private constructor(
    options: TrainerOptions,
    store: ParameterStore,
    state: TrainingState,
    phases: readonly CompiledPhase[],
  ) {
    this.#options = options
    this.#store = store
    this.state = state
    this.#phases = phases
  }

  /** Compiles the phases. */
  static async create(options: TrainerOptions): Promise<Trainer> {
    const { recipe, batch, seed, threads } = options
    const store = new ParameterStore(seed)
    const graphs = recipe.phases.map((phase, index) =>
      phaseGraph(phase, store, batch, exponentiallyAveraged(recipe.phases, index)),
    )
    const phases = await Promise.all(
      graphs.map(async ({ outputs, inputs }, i) => {
        const phase = recipe.phases[i]!
        return { phase, session: await Session.compile(outputs, inputs, { threads }, phase.name) }
      }),
    )
    return new Trainer(options, store, new TrainingState(store, graphs), phases)
  }

  /** Runs all phases on those rows. */
  async runBatch(position: BatchPosition, rows: readonly number[]): Promise<BatchReport> {
    const { data } = this.#options
    const labels = Int32Array.from(rows, (row) => data.labels[row]!)
    const batch = this.#batch(position, rows, labels)
    const report: Record<string, number> = {}
    for (const { phase, session } of this.#phases) {
      const prepared = await phase.prepare(batch)
      const outputs = await session.run(
        {
          ...Object.fromEntries(this.state.tensors),
          ...this.#scalars(phase, position.progress),
          ...prepared,
          labels: int64([labels.length], labels),
        },
        phase.name,
      )
      this.state.update(outputs)
      for (const [name, value] of Object.entries(outputs)) {
        if (!name.startsWith('new/') && !(name in report)) report[name] = Number(value.data[0])
      }
    }
    return report
  }

  /** The exported ONNX file; see `exportModel`. */
  exportModel(weights: Weights): Uint8Array {
    const { recipe, data } = this.#options
    return exportModel((m, images) => recipe.model(m, images), data.shape, this.#store, weights)
  }

  /** The exported model's logits, for functions and attacks. */
  modelLogits(m: ModuleScope, images: Value): Value {
    return exportedModel(this.#options.recipe.model(m, images)).logits
  }

  /** Evaluates a function with weights, such as the averaged ones; the same object if unchanged. */
  async call<In extends string, Out extends string>(
    fn: ModelFunction<In, Out>,
    feeds: Readonly<Record<In, Tensor>>,
    weights: Weights,
  ): Promise<Readonly<Record<Out, Tensor>>> {
    let session = this.#functions.get(fn)
    if (!session) {
      session = await this.#load(functionGraph(fn, this.#store), fn.name)
      this.#functions.set(fn, session)
    }
    // The outputs are those of `build`.
    return (await session.run(weights, feeds)) as Record<Out, Tensor>
  }

  /** Runs an attack on weights; the same object if unchanged. */
  async attack<Names extends string>(
    attack: InnerAttack<Names>,
    run: InnerAttackRun<Names>,
    weights: Weights,
  ): Promise<InnerAttackResult> {
    let sessions = this.#attacks.get(attack)
    if (!sessions) {
      const graphs = innerAttackGraphs(attack, this.#options.data.shape, this.#store)
      sessions = {
        gradients: await this.#load(graphs.gradients, attack.name),
        reference: graphs.reference && (await this.#load(graphs.reference, attack.name)),
        perturbed: graphs.perturbed && (await this.#load(graphs.perturbed, attack.name)),
      }
      this.#attacks.set(attack, sessions)
    }
    const evaluator =
      (session: WeightedSession): Evaluate =>
      (feeds) =>
        session.run(weights, feeds)
    const evaluate = {
      gradients: evaluator(sessions.gradients),
      reference: sessions.reference && evaluator(sessions.reference),
      perturbed: sessions.perturbed && evaluator(sessions.perturbed),
    }
    return runInnerAttack(attack, evaluate, run)
  }

  async release(): Promise<void> {
    const attacks = [...this.#attacks.values()].flatMap(({ gradients, reference, perturbed }) => [
      gradients,
      ...(reference ? [reference] : []),
      ...(perturbed ? [perturbed] : []),
    ])
    const phases = this.#phases.map(({ session }) => session)
    for (const session of [...attacks, ...phases, ...this.#functions.values()]) {
      await session.release()
    }
  }

  #load(graph: WeightedGraph, name: string): Promise<WeightedSession> {
    return WeightedSession.load(graph, { threads: this.#options.threads }, name)
  }

  #batch(
    { epoch, step, progress }: BatchPosition,
    rows: readonly number[],
    labels: Int32Array,
  ): TrainingBatch {
    const { data, seed } = this.#options
    const random = (name: string, example?: number): RandomStream =>
      example === undefined
        ? randomStream(seed, name, epoch, step)
        : randomStream(seed, name, epoch, rows[example]!)
    return {
      epoch,
      progress,
      rows,
      labels,
      random,
      images: () => data.rows(rows),
      call: (fn, feeds) => this.call(fn, feeds, this.state.weights),
      attack: (attack, run) => this.attack(attack, run, this.state.weights),
    }
  }

  /** Learning rates, averaging decays and perturbation sizes of a phase. */
  #scalars(phase: Phase, progress: number): Record<string, Tensor> {
    const scalars: Record<string, Tensor> = {}
    for (const group of this.state.groups) {
      const { rate, schedule = 'constant', warmup = 0, averaging, name } = group
      scalars[rateInput(group)] = scalar(rate * scheduleFactor(schedule, progress, warmup))
      const updates = this.state.tensors.get(`count/${name}`)?.data[0] ?? 0
      scalars[decayInput(group)] = scalar(averagingDecay(averaging, updates + 1))
    }
    phase.steps.forEach(({ weightPerturbation }, index) => {
      if (!weightPerturbation) return
      const { gamma, from = 0 } = weightPerturbation
      scalars[perturbationInput(index)] = scalar(progress < from ? 0 : gamma)
    })
    return scalars
  }
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
