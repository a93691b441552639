/** The cache of an attack's setup, shared by the parts of one cell. */

/** Caches results of `setupOnce` for requests that differ only in their examples, not failures. */
export class SetupCache {
  readonly #known = new Map<string, Promise<unknown>>()

  /** True if nothing is cached. */
  get isEmpty(): boolean {
    return this.#known.size === 0
  }

  /** The result cached under the name, or else that of `compute`. */
  async recall<T>(name: string, compute: () => Promise<T>): Promise<T> {
    const known = this.#known.get(name)
    // An attack uses each name for one type of result.
    if (known) return known as Promise<T>
    const result = compute()
    this.#known.set(name, result)
    result.catch(() => this.#known.delete(name))
    return result
  }
}
