/** A model given by an expression of its logits. */
import { GraphError, RobenchError } from '../base/errors.ts'
import { g } from '../engine/graph/graph.ts'
import { gradient } from '../engine/graph/gradient.ts'
import type { Dim } from '../engine/graph/dim.ts'
import { Session } from '../engine/graph/session.ts'
import { tfjsDevice } from '../engine/graph/session-device.ts'
import type { Value } from '../engine/graph/value.ts'
import { chooseCut } from './incremental/choose-cut.ts'
import { int64, type FloatTensor, type Tensor } from '../engine/tensor/tensor.ts'
import type { OnnxNode } from '../engine/onnx/graph.ts'
import type { ClassifierParts } from './classifier-parts.ts'
import type {
  GradientResult,
  Model,
  ModelComponent,
  ModelVariant,
  PassCounts,
  Program,
  ProgramDefinition,
  ProgramScope,
  TargetedLoss,
} from './model.ts'
import { activationBytes } from './activation-bytes.ts'
import type { FileDescription } from './file-description.ts'
import type { GradientExpression } from './gradient-expression.ts'
import { ModelSessions } from './model-sessions.ts'
import { NoiseSource } from './noise.ts'
import { runInParts } from './row-parts.ts'
import { drawPasses, rowsOf, symbolSizes, type PassNoise } from './program-noise.ts'
import { checkComponentNames, isExact, substituteTreated } from './components.ts'
import { IncrementalPasses } from './incremental/incremental-passes.ts'
import {
  defaultStepping,
  deviceSteps,
  stepPrecision,
  type OpenSteps,
  type SteppingModel,
} from './step-programs.ts'
import { incrementalPasses, type IncrementalModel, type WindowQueries } from './window-queries.ts'

/** State shared by a model and its variants. */
interface Family {
  forward: number
  backward: number
  readonly sessions: ModelSessions
}

/** An imported classifier, or a variant of one. Sessions are compiled on first use. */
export class ClassifierModel implements IncrementalModel, SteppingModel {
  readonly #parts: ClassifierParts
  readonly #variant: ModelVariant
  readonly #noise: NoiseSource
  readonly #family: Family

  /** @param whole the model that this is a variant of */
  constructor(parts: ClassifierParts, variant: ModelVariant = {}, whole?: ClassifierModel) {
    const { draws } = variant
    this.#parts = parts
    this.#variant = variant
    this.#family = whole
      ? whole.#family
      : { forward: 0, backward: 0, sessions: new ModelSessions(parts) }
    this.#noise =
      whole && draws === undefined ? whole.#noise : new NoiseSource(parts.hash, draws ?? '')
  }

  get inputShape(): readonly [number, number, number] {
    return this.#parts.inputShape
  }
  get classes(): number {
    return this.#parts.classes
  }
  get bounds(): readonly [number, number] {
    return this.#parts.bounds
  }
  get hash(): string {
    return this.#parts.hash
  }
  get passes(): PassCounts {
    const { forward, backward } = this.#family
    return { forward, backward }
  }
  get components(): readonly ModelComponent[] {
    return this.#parts.components.map(({ name, backward }) => ({ name, backward }))
  }
  get stochastic(): boolean {
    return this.#parts.stochastic
  }
  /**
   * Bytes of all activations of one example, which a gradient keeps; 0 if the file could not be
   * imported.
   */
  get activationBytes(): number {
    const { expression } = this.#parts
    return expression instanceof GraphError ? 0 : activationBytes(expression.logits)
  }
  /** The most examples in one run of a session; Infinity for whole batches. */
  get rowsPerPart(): number {
    const { expression } = this.#parts
    return expression instanceof GraphError
      ? Infinity
      : this.#family.sessions.rowsPerPart(this.#variant)
  }
  /** The expression of the file, or the reason why there is none. */
  get expression():
    | {
        readonly images: Value
        readonly logits: Value
        /** The nodes that replace `If` and `Loop` of the file. */
        readonly inlined: readonly OnnxNode[]
      }
    | GraphError {
    const { expression, images } = this.#parts
    if (expression instanceof GraphError) return expression
    return { images, logits: expression.logits, inlined: expression.inlined }
  }
  /**
   * Logits, loss, and gradient as expressions of images, labels, targets, and the model's noise.
   * @throws GraphError without a gradient
   */
  gradientExpression(loss: TargetedLoss): GradientExpression {
    return this.#family.sessions.gradientExpression(this.#variant, loss)
  }
  /** How the file is read. */
  get file(): FileDescription {
    return this.#parts.runner.file
  }
  /** What the user should know about how the file was read, in sentences. */
  get remarks(): readonly string[] {
    return this.#parts.remarks
  }

  variant(options: ModelVariant): Model {
    const { expression, name, components } = this.#parts
    checkComponentNames(components, options, name)
    if (expression instanceof GraphError && !isExact(options)) throw expression
    if (!(expression instanceof GraphError)) this.#family.sessions.treated(options)
    return new ClassifierModel(this.#parts, options, this)
  }

  async logits(inputs: FloatTensor): Promise<FloatTensor> {
    this.#checkInputs(inputs)
    const logits = await this.#logits(inputs)
    this.#family.forward += inputs.shape[0]!
    this.#checkLogits(logits)
    return logits
  }

  async gradient(
    inputs: FloatTensor,
    labels: Int32Array,
    loss: TargetedLoss,
    targets?: Int32Array,
  ): Promise<GradientResult> {
    this.#checkInputs(inputs)
    const count = inputs.shape[0]!
    this.#checkLabels(labels, count)
    if (targets) this.#checkLabels(targets, count, 'target')
    const { sessions } = this.#family
    const session = await sessions.gradient(this.#variant, loss, targets !== undefined)
    const feeds = {
      inputs,
      labels: int64([count], labels),
      ...(targets && { targets: int64([count], targets) }),
      ...this.#drawNoise(inputs),
    }
    const { name } = this.#parts
    const rows = sessions.rowsPerPart(this.#variant)
    const outputs = await runInParts(session, feeds, { count, rows, name }, this.#sharedNoise())
    this.#family.forward += count
    this.#family.backward += count
    const logits = outputs['logits'] as FloatTensor
    this.#checkLogits(logits)
    return {
      logits,
      losses: outputs['losses']!.data as Float32Array,
      gradient: outputs['gradient'] as FloatTensor,
    }
  }

  async compile(build: (scope: ProgramScope) => ProgramDefinition): Promise<Program> {
    const { name, session: options } = this.#parts
    const { sessions } = this.#family
    const whole = sessions.treated(this.#variant)
    // The number of rows in each pass: a number, or a symbol that the inputs of a run resolve.
    const forward: Dim[] = []
    const backward: Dim[] = []
    const noise: PassNoise[] = []
    const overrides = new Map<Value, Value | null>()
    const definition = build({
      logits: (inputs) => {
        const rows = inputs.shape[0] ?? 0
        const own = this.#passNoise(forward.push(rows), rows)
        noise.push(...own)
        const treated = substituteTreated(
          whole,
          new Map([
            [this.#parts.images, inputs],
            ...own.map(({ source, value }) => [source.value, value] as const),
          ]),
        )
        for (const [from, to] of treated.overrides) overrides.set(from, to)
        return treated.logits
      },
      gradient: (of, withRespectTo) => {
        backward.push(forward.at(-1) ?? 0)
        const { straightThrough } = whole
        return gradient(of, withRespectTo, { name, overrides, straightThrough })
      },
    })
    const placeholders = [...definition.inputs, ...noise.map(({ value }) => value)]
    const session = await Session.compile(definition.outputs, placeholders, options, name)
    sessions.register(session)
    return {
      run: async (feeds): Promise<Record<string, Tensor>> => {
        const drawn = drawPasses(noise, definition.inputs, feeds, this.#noise)
        const outputs = await session.run({ ...feeds, ...drawn }, name)
        this.#family.forward += countRows(forward, definition.inputs, feeds)
        this.#family.backward += countRows(backward, definition.inputs, feeds)
        return outputs
      },
      release: () => sessions.releaseProgram(session),
    }
  }

  /** Undefined where whole passes are about as fast, and where there is nothing to reuse. */
  async [incrementalPasses](
    sides: ReadonlyMap<number, number>,
  ): Promise<WindowQueries | undefined> {
    const { expression, images, name, classes, session, forwardByFile } = this.#parts
    const onCpu = (session.device ?? 'cpu') === 'cpu'
    if (expression instanceof GraphError || expression.noise.length > 0) return undefined
    if (forwardByFile || !onCpu) return undefined
    const { sessions } = this.#family
    const { logits } = sessions.treated(this.#variant)
    const cut = chooseCut(logits, images, sides)
    if (!cut) return undefined
    const forward = (): Promise<Session> => sessions.forward(this.#variant)
    const passes = new IncrementalPasses({ name, images, logits, classes, cut, forward, session })
    sessions.register(passes)
    return {
      logits: async (points, searches) => {
        this.#checkInputs(points)
        const result = await passes.logits(points, searches)
        this.#family.forward += points.shape[0]!
        this.#checkLogits(result)
        return result
      },
      accept: (search) => passes.accept(search),
      release: () => sessions.releaseProgram(passes),
    }
  }

  /** Undefined where the host takes the steps of attacks. */
  get [deviceSteps](): OpenSteps | undefined {
    const { expression, forwardByFile, stochastic, session, stepping } = this.#parts
    const device = session.device ?? 'cpu'
    if ((stepping ?? defaultStepping(device)) === 'host' || device === tfjsDevice) return undefined
    if (expression instanceof GraphError || forwardByFile || stochastic) return undefined
    return async (definition, steps) => {
      const { sessions } = this.#family
      const program = await sessions.steps(this.#variant, definition, steps)
      return {
        precision: stepPrecision(device),
        run: async (feeds): Promise<Record<string, Tensor>> => {
          const count = feeds['inputs']?.shape[0] ?? 0
          const rows = sessions.rowsPerPart(this.#variant)
          const outputs = await runInParts(program, feeds, { count, rows, name: this.#parts.name })
          this.#family.forward += count * steps
          this.#family.backward += count * steps
          return outputs
        },
      }
    }
  }

  /**
   * The logits `[n, k]` as an expression of images `[n, c, h, w]`, with weights as constants: for
   * defenses that wrap a model.
   * @throws GraphError if there is no expression, or it draws random numbers
   */
  apply(images: Value): Value {
    const { name, stochastic } = this.#parts
    if (stochastic) {
      throw new GraphError(
        'ROBENCH_GRAPH',
        `${name}: the model draws random numbers, so it cannot be part of another model`,
      )
    }
    const whole = this.#family.sessions.treated(this.#variant)
    return substituteTreated(whole, new Map([[this.#parts.images, images]])).logits
  }

  async dispose(): Promise<void> {
    await this.#family.sessions.release()
    await this.#parts.runner.release()
  }

  async #logits(inputs: FloatTensor): Promise<FloatTensor> {
    const { expression, name, runner, forwardByFile } = this.#parts
    const isChanged = Object.values(this.#variant.components ?? {}).includes('removed')
    if (expression instanceof GraphError || (forwardByFile && !isChanged)) {
      return runner.logits(inputs)
    }
    const { sessions } = this.#family
    const session = await sessions.forward(this.#variant)
    const feeds = { inputs, ...this.#drawNoise(inputs) }
    const part = { count: inputs.shape[0]!, rows: sessions.rowsPerPart(this.#variant), name }
    const outputs = await runInParts(session, feeds, part, this.#sharedNoise())
    return outputs['logits'] as FloatTensor
  }

  #drawNoise(inputs: FloatTensor): Record<string, Tensor> {
    const { expression } = this.#parts
    if (expression instanceof GraphError || expression.noise.length === 0) return {}
    const rows = this.#noise.rows(inputs.shape[0]!, [{ tensor: inputs, perExample: true }])
    return Object.fromEntries(
      expression.noise.map((item) => [item.value.node.name, this.#noise.draw(item, rows)]),
    )
  }

  /** Names of the noise that all examples share. */
  #sharedNoise(): string[] {
    const { expression } = this.#parts
    if (expression instanceof GraphError) return []
    return expression.noise.flatMap(({ perExample, value }) =>
      perExample ? [] : [value.node.name],
    )
  }

  /** Noise placeholders for one of several uses of the model. */
  #passNoise(call: number, rows: Dim): PassNoise[] {
    const { expression } = this.#parts
    if (expression instanceof GraphError) return []
    return expression.noise.map((source) => {
      const { shape, node } = source.value
      const sizes = source.perExample ? [rows, ...shape.slice(1)] : shape
      return { source, call, value: g.input(`${node.name}/${call}`, 'float32', sizes) }
    })
  }

  #checkInputs(inputs: FloatTensor): void {
    const [c, h, w] = this.#parts.inputShape
    const { shape } = inputs
    if (shape.length !== 4 || shape[1] !== c || shape[2] !== h || shape[3] !== w) {
      throw new RobenchError(
        'ROBENCH_MODEL_OUTPUT',
        `${this.#parts.name}: expected inputs [n, ${c}, ${h}, ${w}], got [${shape.join(', ')}]`,
      )
    }
  }

  #checkLabels(labels: Int32Array, count: number, what = 'label'): void {
    const { name, classes } = this.#parts
    if (labels.length !== count) {
      throw new RobenchError(
        'ROBENCH_GRAPH',
        `${name}: expected one ${what} for each of ${count} inputs, got ${labels.length}`,
      )
    }
    const at = labels.findIndex((label) => label < 0 || label >= classes)
    if (at >= 0) {
      throw new RobenchError(
        'ROBENCH_GRAPH',
        `${name}: ${what} ${labels[at]} of row ${at} in the batch is out of range; ` +
          `the model has ${classes} classes (0 to ${classes - 1})`,
      )
    }
  }

  #checkLogits(logits: FloatTensor): void {
    const at = logits.data.findIndex((value) => !Number.isFinite(value))
    if (at >= 0) {
      const { name, classes } = this.#parts
      const row = Math.floor(at / classes)
      throw new RobenchError(
        'ROBENCH_MODEL_OUTPUT',
        `${name}: logit ${at % classes} of row ${row} in the batch is ${logits.data[at]}; ` +
          'a model with non-finite logits cannot be evaluated: ' +
          'check its normalization (mean, std) and its weights',
      )
    }
  }
}

/** The total number of rows. */
function countRows(
  rows: readonly Dim[],
  inputs: readonly Value[],
  feeds: Readonly<Record<string, Tensor>>,
): number {
  const sizes = symbolSizes(inputs, feeds)
  return rows.reduce((sum: number, dim) => sum + rowsOf(dim, sizes), 0)
}
