/** Runs the phases of a training on batches: sessions, inner attacks, and the state. */
import type { Value } from '../engine/graph/value.ts'
import { int64, type Tensor } from '../engine/tensor/tensor.ts'
import { randomStream, type RandomStream } from '../base/random.ts'
import {
  attackRun,
  compileJoint,
  compilePhases,
  phaseScalars,
  sessionOptions,
  stepsOnDevice,
  type CompiledPhase,
} from './compiled-phase.ts'
import { attackFeeds, InnerAttackProgram } from './device-runs.ts'
import { exportedModel, exportModel } from './export-model.ts'
import {
  innerAttackGraphs,
  runInnerAttack,
  type Evaluate,
  type InnerAttack,
  type InnerAttackResult,
  type InnerAttackRun,
} from './inner-attack.ts'
import { stepsInGraph } from './inner-attack-steps.ts'
import {
  functionGraph,
  WeightedSession,
  type ModelFunction,
  type WeightedGraph,
} from './model-function.ts'
import type { ModuleScope } from './module.ts'
import type { TrainingBatch } from './phase.ts'
import { batchPrefix, newPrefix } from './phase-graph.ts'
import type { BatchPosition, BatchReport, PlacedBatch, TrainerOptions } from './recipe.ts'
import { ParameterStore, type Weights } from './scope.ts'
import { TrainingState } from './training-state.ts'

/** Thrown where the preparation of a batch needs the weights that the batch before it gives. */
class NeedsWeights extends Error {}

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
  readonly #programs = new Map<unknown, InnerAttackProgram | undefined>()
  #batchesPerRun: number
  #joint: CompiledPhase | undefined

  private constructor(
    options: TrainerOptions,
    store: ParameterStore,
    state: TrainingState,
    phases: readonly CompiledPhase[],
    batchesPerRun: number,
  ) {
    this.#options = options
    this.#store = store
    this.state = state
    this.#phases = phases
    this.#batchesPerRun = batchesPerRun
  }

  /** Compiles the phases. */
  static async create(options: TrainerOptions): Promise<Trainer> {
    const store = new ParameterStore(options.seed)
    const { phases, graphs, batchesPerRun } = await compilePhases(options, store)
    return new Trainer(options, store, new TrainingState(store, graphs), phases, batchesPerRun)
  }

  /**
   * How many batches `runBatches` takes in one run. It falls to 1 if the preparation of a batch
   * turns out to need the weights after the batch before it.
   */
  get batchesPerRun(): number {
    return this.#batchesPerRun
  }

  /** Runs all phases on the rows of each batch, in order. */
  async runBatches(batches: readonly PlacedBatch[]): Promise<BatchReport[]> {
    if (batches.length === this.#batchesPerRun && batches.length > 1) {
      const reports = await this.#runTogether(batches)
      if (reports) return reports
      this.#batchesPerRun = 1
    }
    const reports: BatchReport[] = []
    for (const { position, rows } of batches) reports.push(await this.runBatch(position, rows))
    return reports
  }

  /** Runs all phases on those rows. */
  async runBatch(position: BatchPosition, rows: readonly number[]): Promise<BatchReport> {
    const batch = this.#batch(position, rows)
    const report: Record<string, number> = {}
    for (const compiled of this.#phases) {
      const { phase, session, attackInside } = compiled
      const prepared = await this.#prepare(compiled, batch)
      const { attack } = phase
      const attacked =
        attack && !attackInside
          ? await this.attack(
              attack.definition,
              attackRun(attack, prepared, batch),
              this.state.weights,
            )
          : undefined
      const outputs = await session.run(
        {
          ...Object.fromEntries(this.state.tensors),
          ...phaseScalars(phase, this.state, position.progress),
          ...prepared,
          ...(attacked && { [attack!.input]: attacked.images }),
        },
        phase.name,
      )
      this.state.update(outputs)
      for (const [name, value] of Object.entries(outputs)) {
        if (!name.startsWith(newPrefix) && !(name in report)) report[name] = Number(value.data[0])
      }
    }
    return report
  }

  /** Runs the only phase on several batches at once; undefined if a batch needs weights. */
  async #runTogether(batches: readonly PlacedBatch[]): Promise<BatchReport[] | undefined> {
    const [compiled] = this.#phases
    const { phase } = compiled!
    const feeds: Record<string, Tensor> = Object.fromEntries(this.state.tensors)
    try {
      for (const [at, { position, rows }] of batches.entries()) {
        const prepared = await this.#prepare(compiled!, this.#batch(position, rows, false))
        const own = { ...prepared, ...phaseScalars(phase, this.state, position.progress, at) }
        const prefix = batchPrefix(at, batches.length)
        for (const [name, value] of Object.entries(own)) feeds[`${prefix}${name}`] = value
      }
    } catch (error) {
      if (error instanceof NeedsWeights) return undefined
      throw error
    }
    this.#joint ??= await compileJoint(this.#options, this.#store, compiled!, batches.length)
    const outputs = await this.#joint.session.run(feeds, phase.name)
    this.state.update(outputs)
    return batches.map((_, at) => {
      const prefix = batchPrefix(at, batches.length)
      const own = Object.entries(outputs).filter(([name]) => name.startsWith(prefix))
      return Object.fromEntries(
        own.map(([name, value]) => [name.slice(prefix.length), Number(value.data[0])]),
      )
    })
  }

  /** The inputs of a phase's graph that a batch determines. */
  async #prepare(
    { phase, attackInside }: CompiledPhase,
    batch: TrainingBatch,
  ): Promise<Record<string, Tensor>> {
    const { attack } = phase
    const prepared = await phase.prepare(batch)
    return {
      ...prepared,
      ...(attack &&
        attackInside &&
        attackFeeds(attack.definition, attackRun(attack, prepared, batch))),
      labels: int64([batch.labels.length], batch.labels),
    }
  }

  /** The exported ONNX file; see `exportModel`. */
  exportModel(weights: Weights): Uint8Array {
    const { recipe, data } = this.#options
    return exportModel((m, images) => recipe.model(m, images), data.shape, this.#store, weights)
  }

  /** The recipe's own measure of robust accuracy, if it has one. */
  get validationAttack(): InnerAttack | undefined {
    return this.#options.recipe.validationAttack
  }

  /** The validated model's logits, for functions and attacks. */
  modelLogits(m: ModuleScope, images: Value, labels: Value): Value {
    return exportedModel(this.#options.recipe.model(m, images, labels)).logits
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
    const program = await this.#program(attack)
    if (program) return program.run(weights, run)
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
    const programs = [...this.#programs.values()].filter((program) => program !== undefined)
    const joint = this.#joint ? [this.#joint.session] : []
    for (const session of [
      ...attacks,
      ...phases,
      ...joint,
      ...programs,
      ...this.#functions.values(),
    ]) {
      await session.release()
    }
  }

  #load(graph: WeightedGraph, name: string): Promise<WeightedSession> {
    return WeightedSession.load(graph, sessionOptions(this.#options), name)
  }

  /** All steps of an attack as one graph; undefined where the host takes the steps. */
  async #program<Names extends string>(
    attack: InnerAttack<Names>,
  ): Promise<InnerAttackProgram | undefined> {
    if (!stepsOnDevice(this.#options) || !stepsInGraph(attack)) return undefined
    if (!this.#programs.has(attack)) {
      const { shape } = this.#options.data
      const options = sessionOptions(this.#options)
      const program = await InnerAttackProgram.load(attack, shape, this.#store, options)
      this.#programs.set(attack, program)
    }
    return this.#programs.get(attack)
  }

  /** @param hasWeights false before the weights of that batch are known */
  #batch(
    { epoch, step, progress }: BatchPosition,
    rows: readonly number[],
    hasWeights = true,
  ): TrainingBatch {
    const { data, seed } = this.#options
    const labels = Int32Array.from(rows, (row) => data.labels[row]!)
    const weights = (): Weights => {
      if (hasWeights) return this.state.weights
      throw new NeedsWeights()
    }
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
      call: async (fn, feeds) => this.call(fn, feeds, weights()),
      attack: async (attack, run) => this.attack(attack, run, weights()),
    }
  }
}
