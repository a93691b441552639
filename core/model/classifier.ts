/** The Model over an expression of its logits. Sessions are compiled when first needed and kept. */
import { GraphError, RobenchError } from '../errors.ts'
import { g } from '../graph/graph.ts'
import { gradient } from '../graph/gradient.ts'
import { divideDims, type Dim } from '../graph/dim.ts'
import { substitute } from '../graph/rewrite.ts'
import { Session, type SessionOptions } from '../graph/session.ts'
import type { Value } from '../graph/value.ts'
import { int64, type FloatTensor, type Tensor } from '../tensor/tensor.ts'
import type { FileRunner } from './file-runner.ts'
import type {
  GradientAnswer,
  Model,
  PassCounts,
  Program,
  ProgramDefinition,
  ProgramScope,
  TargetedLoss,
} from './model.ts'

export interface ClassifierParts {
  readonly name: string
  readonly hash: string
  readonly inputShape: readonly [number, number, number]
  readonly classes: number
  readonly bounds: readonly [number, number]
  /** The placeholder `[n, c, h, w]` of the expression. */
  readonly images: Value
  /** Logits `[n, k]`, or why there is no expression to differentiate. */
  readonly expression: Value | GraphError
  readonly runner: FileRunner
  readonly session: SessionOptions
}

export class ClassifierModel implements Model {
  readonly #parts: ClassifierParts
  readonly #gradients = new Map<TargetedLoss, Promise<Session>>()
  readonly #programs: Session[] = []
  #forward: Promise<Session> | undefined
  #forwardPasses = 0
  #backwardPasses = 0

  constructor(parts: ClassifierParts) {
    this.#parts = parts
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
    return { forward: this.#forwardPasses, backward: this.#backwardPasses }
  }

  async logits(inputs: FloatTensor): Promise<FloatTensor> {
    this.#checkInputs(inputs)
    const logits = await this.#logits(inputs)
    this.#forwardPasses += inputs.shape[0]!
    this.#checkLogits(logits)
    return logits
  }

  async gradient(
    inputs: FloatTensor,
    labels: Int32Array,
    loss: TargetedLoss,
    targets?: Int32Array,
  ): Promise<GradientAnswer> {
    this.#checkInputs(inputs)
    const count = inputs.shape[0]!
    this.#checkLabels(labels, count)
    if (targets) this.#checkLabels(targets, count, 'target')
    let session = this.#gradients.get(loss)
    if (!session) {
      session = this.#compileGradient(loss, targets !== undefined)
      this.#gradients.set(loss, session)
    }
    const feeds = {
      inputs,
      labels: int64([count], labels),
      ...(targets && { targets: int64([count], targets) }),
    }
    const answers = await (await session).run(feeds, this.#parts.name)
    this.#forwardPasses += count
    this.#backwardPasses += count
    const logits = answers['logits'] as FloatTensor
    this.#checkLogits(logits)
    return {
      logits,
      losses: answers['losses']!.data as Float32Array,
      gradient: answers['gradient'] as FloatTensor,
    }
  }

  async compile(build: (scope: ProgramScope) => ProgramDefinition): Promise<Program> {
    const { images, name, session: options } = this.#parts
    const expression = this.#expression()
    // The rows of each pass: numbers, or symbols that the inputs of a run resolve.
    const forward: Dim[] = []
    const backward: Dim[] = []
    const definition = build({
      logits: (inputs) => {
        forward.push(inputs.shape[0] ?? 0)
        return substitute([expression], new Map([[images, inputs]]))[0]!
      },
      gradient: (of, withRespectTo) => {
        backward.push(forward.at(-1) ?? 0)
        return gradient(of, withRespectTo, { name })
      },
    })
    const session = await Session.compile(definition.outputs, definition.inputs, options, name)
    this.#programs.push(session)
    return {
      run: async (feeds): Promise<Record<string, Tensor>> => {
        const answers = await session.run(feeds, name)
        this.#forwardPasses += countRows(forward, definition.inputs, feeds)
        this.#backwardPasses += countRows(backward, definition.inputs, feeds)
        return answers
      },
    }
  }

  async dispose(): Promise<void> {
    const compiled = [...(this.#forward ? [this.#forward] : []), ...this.#gradients.values()]
    // A session that could not be compiled said so to whoever asked for it.
    for (const outcome of await Promise.allSettled(compiled)) {
      if (outcome.status === 'fulfilled') await outcome.value.release()
    }
    for (const session of this.#programs) await session.release()
    await this.#parts.runner.release()
  }

  async #logits(inputs: FloatTensor): Promise<FloatTensor> {
    const { expression, images, name, runner, session } = this.#parts
    if (expression instanceof GraphError) return runner.logits(inputs)
    this.#forward ??= Session.compile({ logits: expression }, [images], session, name)
    return (await (await this.#forward).run({ inputs }, name))['logits'] as FloatTensor
  }

  async #compileGradient(loss: TargetedLoss, targeted: boolean): Promise<Session> {
    const { images, name, session } = this.#parts
    const logits = this.#expression()
    const labels = g.input('labels', 'int64', ['n'])
    const targets = g.input('targets', 'int64', ['n'])
    const losses = loss(logits, labels, targets)
    const [derivative] = gradient(losses, [images], { name })
    return Session.compile(
      { logits, losses, gradient: derivative! },
      [images, labels, ...(targeted ? [targets] : [])],
      session,
      name,
    )
  }

  #expression(): Value {
    const { expression } = this.#parts
    if (expression instanceof GraphError) throw expression
    return expression
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
        `${name}: ${what} ${labels[at]} of row ${at} in the batch is no class of the model, which has ${classes} (0 to ${classes - 1})`,
      )
    }
  }

  #checkLogits(logits: FloatTensor): void {
    const at = logits.data.findIndex((value) => !Number.isFinite(value))
    if (at >= 0) {
      const row = Math.floor(at / this.#parts.classes)
      throw new RobenchError(
        'ROBENCH_MODEL_OUTPUT',
        `${this.#parts.name}: logit ${at % this.#parts.classes} of row ${row} in the batch is ${logits.data[at]}; a model whose logits are not finite cannot be evaluated: check its normalization (mean, std) and its weights`,
      )
    }
  }
}

/** The sum of row counts, with symbols (`n`, `3*n`) taken from the shapes that are fed. */
function countRows(
  rows: readonly Dim[],
  inputs: readonly Value[],
  feeds: Readonly<Record<string, Tensor>>,
): number {
  const sizes = new Map<string, number>()
  for (const { node, shape } of inputs) {
    shape.forEach((dim, axis) => {
      if (typeof dim === 'string') sizes.set(dim, feeds[node.name]?.shape[axis] ?? 0)
    })
  }
  let total = 0
  for (const count of rows) {
    if (typeof count === 'number') total += count
    else {
      for (const [symbol, size] of sizes) {
        const factor = divideDims(count, symbol)
        if (typeof factor !== 'number') continue
        total += factor * size
        break
      }
    }
  }
  return total
}
