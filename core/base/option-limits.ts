/** Largest values of options. */

/**
 * Upper bounds for schemas of options. A suite may come from a stranger, so every number in the
 * options of a built-in plugin is bounded, far above what experiments use. The host also bounds the
 * passes that the options of an attack multiply to.
 */
export const optionLimits = {
  /** Steps of an attack or of a training. */
  steps: 1_000_000,
  /** Restarts, repetitions, epochs. */
  rounds: 10_000,
  /** Queries for one example. */
  queries: 10_000_000,
  /** Draws that are averaged, points of a grid. */
  samples: 100_000,
  /** Examples of a batch. */
  batch: 65_536,
  /** Examples of a part of a data set. */
  examples: 10_000_000,
  /** Classes of a model. */
  classes: 100_000,
  /** Channels or units of a layer. */
  width: 8192,
  /** Blocks of a network. */
  depth: 1000,
  /** Pixels of a margin or of a kernel's radius. */
  margin: 256,
  /** Frequencies in cycles per image, pixels of a patch. */
  pixels: 10_000,
  /** Factors, rates, exponents, weights of a loss. */
  factor: 1_000_000,
  /** Sizes in the units of the inputs. */
  size: 1e9,
  /** Characters of a name. */
  name: 300,
  /** Worker processes of a run on one machine. */
  workers: 1024,
  /** Threads of a process. */
  threads: 256,
  /** Characters of a path. */
  path: 4096,
} as const
