/** The largest suites: what is larger is refused before any work. */

/** Most attacks of a suite, each combination of a matrix counted. */
export const mostAttacks = 10_000

/** Most cells: defenses × threat models × attacks × seeds. */
export const mostCells = 50_000

/** Most points of a curve. */
export const mostCurvePoints = 1000

/** Most seeds. */
export const mostSeeds = 1000

/** Most defenses, and most threat models. */
export const mostRows = 5000

/** Longest texts, in characters. Names become parts of file names. */
export const mostText = {
  name: 100,
  /** Of an attack of a matrix: its name and the values of the options. */
  combinedName: 180,
  title: 300,
  description: 20_000,
  plugin: 300,
  path: 4096,
  link: 2000,
  className: 300,
} as const

/** Most examples of a limit or a sample. */
export const mostExamples = 1e9

/** Longest time limit, in ms: a year. */
export const mostTimeMs = 365 * 24 * 60 * 60 * 1000

/** Most memory of a worker, in MB. */
export const mostMemoryMb = 1e8

/** Deepest nesting of attacks that wrap attacks. */
export const mostWrapped = 4

/**
 * Most passes of an attack for one example, forward and backward, and those of its setup. The
 * options of wrapped attacks multiply.
 */
export const mostPasses = 1e8

/** Most class names. */
export const mostClasses = 100_000

/** Largest suite file, in bytes. */
export const mostSuiteBytes = 2 ** 24
