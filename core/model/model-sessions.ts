/** The sessions of a classifier and its variants, compiled when first needed and kept. */
import { GraphError } from '../base/errors.ts'
import { g } from '../engine/graph/graph.ts'
import { gradient } from '../engine/graph/gradient.ts'
import { Session } from '../engine/graph/session.ts'
import type { ClassifierParts } from './classifier.ts'
import type { ModelVariant, TargetedLoss } from './model.ts'
import { treat, type TreatedExpression } from './components.ts'

export class ModelSessions {
  readonly #parts: ClassifierParts
  readonly #treated = new Map<string, TreatedExpression>()
  readonly #forward = new Map<string, Promise<Session>>()
  readonly #gradients = new Map<string, Map<TargetedLoss, Promise<Session>>>()
  readonly #programs = new Set<Pick<Session, 'release'>>()

  constructor(parts: ClassifierParts) {
    this.#parts = parts
  }

  /** @throws GraphError where there is no expression */
  treated(variant: ModelVariant): TreatedExpression {
    const { expression, name } = this.#parts
    if (expression instanceof GraphError) throw expression
    const { logits, components } = expression
    return cached(this.#treated, keyOf(variant), () => treat(logits, components, variant, name))
  }

  /** From `inputs` and noise to `logits`. Only the components that are removed make a difference. */
  forward(variant: ModelVariant): Promise<Session> {
    const removed = Object.entries(variant.components ?? {}).filter(([, how]) => how === 'removed')
    const { images, name, session } = this.#parts
    return cached(this.#forward, keyOf({ components: Object.fromEntries(removed) }), () => {
      const { logits } = this.treated(variant)
      return Session.compile({ logits }, [images, ...this.#noise()], session, name)
    })
  }

  /** From `inputs`, `labels`, if `targeted` `targets`, and noise to `logits`, `losses` and `gradient`. */
  async gradient(variant: ModelVariant, loss: TargetedLoss, targeted: boolean): Promise<Session> {
    const { images, name, session } = this.#parts
    const ofVariant = cached(this.#gradients, keyOf(variant), () => new Map())
    return cached(ofVariant, loss, async () => {
      const { logits, ...passing } = this.treated(variant)
      const labels = g.input('labels', 'int64', ['n'])
      const targets = g.input('targets', 'int64', ['n'])
      const losses = loss(logits, labels, targets)
      const [derivative] = gradient(losses, [images], { name, ...passing })
      return Session.compile(
        { logits, losses, gradient: derivative! },
        [images, labels, ...(targeted ? [targets] : []), ...this.#noise()],
        session,
        name,
      )
    })
  }

  /** Released with the others, unless it is dropped before. */
  keep(program: Pick<Session, 'release'>): void {
    this.#programs.add(program)
  }

  /** Releases a program now. */
  async drop(program: Pick<Session, 'release'>): Promise<void> {
    if (this.#programs.delete(program)) await program.release()
  }

  async release(): Promise<void> {
    const gradients = Array.from(this.#gradients.values()).flatMap((map) => [...map.values()])
    // A session that could not be compiled said so to whoever asked for it.
    for (const outcome of await Promise.allSettled([...this.#forward.values(), ...gradients])) {
      if (outcome.status === 'fulfilled') await outcome.value.release()
    }
    for (const session of this.#programs) await session.release()
  }

  #noise(): TreatedExpression['logits'][] {
    const { expression } = this.#parts
    return expression instanceof GraphError ? [] : expression.noise.map(({ value }) => value)
  }
}

/** The same for variants that treat gradients and components alike, whatever they draw. */
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
