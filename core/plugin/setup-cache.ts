/** What attacks learn before they attack, kept from one part of the data to the next. */

/** For parts of one cell, which differ in their examples alone. A failure is not kept. */
export class SetupCache {
  readonly #known = new Map<string, Promise<unknown>>()

  /** True if nothing has been learned. */
  get isEmpty(): boolean {
    return this.#known.size === 0
  }

  /** What is known under the name, or else what `learn` gives. */
  async recall<T>(name: string, learn: () => Promise<T>): Promise<T> {
    const known = this.#known.get(name)
    // Under one name an attack always learns the same kind of thing.
    if (known) return known as Promise<T>
    const learned = learn()
    this.#known.set(name, learned)
    learned.catch(() => this.#known.delete(name))
    return learned
  }
}
