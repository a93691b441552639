/** The sessions of a classifier and its variants, compiled on first use. */
import { GraphError } from '../base/errors.ts'
import { g } from '../engine/graph/graph.ts'
import { gradient } from '../engine/graph/gradient.ts'
import { Session, type SessionOptions } from '../engine/graph/session.ts'
import { usesProcessor } from '../engine/graph/session-device.ts'
import type { ClassifierParts } from './classifier-parts.ts'
import type { GradientExpression } from './gradient-expression.ts'
import { cautiousLogits, scaledGradient } from './half-gradient.ts'
import type { ModelVariant, TargetedLoss } from './model.ts'
import { rowsPerPart } from './row-parts.ts'
import { treatComponents, type TreatedExpression } from './components.ts'
import { repeatStep, stepPrecision, type StepDefinition } from './step-programs.ts'

/** Compiles sessions and caches them by variant and loss. */
export class ModelSessions {
  readonly #parts: ClassifierParts
  readonly #treated = new Map<string, TreatedExpression>()
  readonly #forward = new Map<string, Promise<Session>>()
  readonly #gradients = new Map<string, Map<TargetedLoss, Promise<Session>>>()
  readonly #steps = new Map<string, Map<StepDefinition, Map<number, Promise<Session>>>>()
  readonly #rows = new Map<string, number>()
  readonly #programs = new Set<Pick<Session, 'release'>>()

  constructor(parts: ClassifierParts) {
    this.#parts = parts
    if (parts.forward) this.#forward.set(keyOf({}), Promise.resolve(parts.forward))
  }

  /** The expression of a variant. @throws GraphError if the model has no expression */
  treated(variant: ModelVariant): TreatedExpression {
    const { expression, name } = this.#parts
    if (expression instanceof GraphError) throw expression
    return cached(this.#treated, keyOf(variant), () => treatComponents(expression, variant, name))
  }

  /** From `inputs` and noise to `logits`, which depend only on the removed components. */
  forward(variant: ModelVariant): Promise<Session> {
    const removed = Object.entries(variant.components ?? {}).filter(([, how]) => how === 'removed')
    const { images, name, session } = this.#parts
    return cached(this.#forward, keyOf({ components: Object.fromEntries(removed) }), () => {
      const { logits } = this.treated(variant)
      return Session.compile({ logits }, [images, ...this.#noise()], session, name)
    })
  }

  /**
   * From `inputs`, `labels`, `targets` (if `targeted`) and noise to `logits`, `losses` and
   * `gradient`.
   */
  async gradient(variant: ModelVariant, loss: TargetedLoss, targeted: boolean): Promise<Session> {
    const { name } = this.#parts
    const ofVariant = cached(this.#gradients, keyOf(variant), () => new Map())
    return cached(ofVariant, loss, async () => {
      const { outputs, inputs } = this.gradientExpression(variant, loss)
      const [images, labels, targets] = inputs
      const placeholders = [images, labels, ...(targeted ? [targets] : []), ...this.#noise()]
      return Session.compile({ ...outputs }, placeholders, this.#passes(), name)
    })
  }

  /** A number of steps of an attack, for a model without noise: see `StepProgram`. */
  async steps(variant: ModelVariant, definition: StepDefinition, count: number): Promise<Session> {
    const { name, session } = this.#parts
    const ofVariant = cached(this.#steps, keyOf(variant), () => new Map())
    const ofKind = cached(ofVariant, definition, () => new Map<number, Promise<Session>>())
    return cached(ofKind, count, () => {
      const pass = this.gradientExpression(variant, definition.loss)
      const precision = stepPrecision(session.device ?? 'cpu')
      const { inputs, outputs } = repeatStep(pass, definition, count, precision)
      return Session.compile(outputs, inputs, this.#passes(), name)
    })
  }

  /** The most examples in one run. */
  rowsPerPart(variant: ModelVariant): number {
    if (!usesProcessor(this.#parts.session.device ?? 'cpu')) return Infinity
    return cached(this.#rows, keyOf(variant), () => rowsPerPart(this.treated(variant).logits))
  }

  /** The graph of `gradient`, without its noise. @throws GraphError without a gradient */
  gradientExpression(variant: ModelVariant, loss: TargetedLoss): GradientExpression {
    const { images, name } = this.#parts
    const { logits, ...treatment } = this.treated(variant)
    const labels = g.input('labels', 'int64', ['n'])
    const targets = g.input('targets', 'int64', ['n'])
    const losses = loss(logits, labels, targets)
    const options = { name, ...treatment }
    const inputs = [images, labels, targets] as const
    if (this.#parts.half) {
      const cautious = cautiousLogits({ logits, losses }, labels, targets)
      const derivative = scaledGradient(losses, logits, images, options)
      return { inputs, outputs: { logits: cautious, losses, gradient: derivative } }
    }
    const [derivative] = gradient(losses, [images], options)
    return { inputs, outputs: { logits, losses, gradient: derivative! } }
  }

  /** Registers a program to be released with the sessions. */
  register(program: Pick<Session, 'release'>): void {
    this.#programs.add(program)
  }

  /** Releases a registered program now. */
  async releaseProgram(program: Pick<Session, 'release'>): Promise<void> {
    if (this.#programs.delete(program)) await program.release()
  }

  /** Frees all sessions and registered programs. */
  async release(): Promise<void> {
    const gradients = Array.from(this.#gradients.values()).flatMap((map) => [...map.values()])
    const steps = Array.from(this.#steps.values()).flatMap((kinds) =>
      Array.from(kinds.values()).flatMap((counts) => [...counts.values()]),
    )
    // A failed compilation was reported to its caller.
    const sessions = [...this.#forward.values(), ...gradients, ...steps]
    for (const outcome of await Promise.allSettled(sessions)) {
      if (outcome.status === 'fulfilled') await outcome.value.release()
    }
    for (const session of this.#programs) await session.release()
  }

  /** How passes with a gradient compute. */
  #passes(): SessionOptions {
    const { session, half } = this.#parts
    return { ...session, half }
  }

  #noise(): TreatedExpression['logits'][] {
    const { expression } = this.#parts
    return expression instanceof GraphError ? [] : expression.noise.map(({ value }) => value)
  }
}

/** Equal for variants that differ only in their random numbers. */
function keyOf({ components = {}, straightThrough = false }: ModelVariant): string {
  const treated = Object.entries(components).filter(([, treatment]) => treatment !== 'exact')
  return JSON.stringify([straightThrough, ...treated.toSorted(([a], [b]) => (a < b ? -1 : 1))])
}

function cached<Key, Item>(map: Map<Key, Item>, key: Key, make: () => Item): Item {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
