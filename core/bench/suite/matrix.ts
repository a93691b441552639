/** The attacks of a suite, one per combination of a matrix. */
import type { Suite } from './schema.ts'

/** An attack of a suite, or one combination of its matrix. */
export interface SuiteAttack {
  readonly name: string
  readonly plugin: string
  readonly options: Readonly<Record<string, unknown>>
  /** Index in the suite's list. */
  readonly index: number
}

/**
 * All attacks in order. A matrix `{a: [1, 2], b: ['x']}` adds the options `{a: 1, b: 'x'}` and
 * `{a: 2, b: 'x'}` to the stated ones, and yields the names `<name>-1-x` and `<name>-2-x`. The last
 * option changes fastest.
 */
export function suiteAttacks(suite: Suite): SuiteAttack[] {
  return suite.attacks.flatMap(({ name, plugin, options, matrix }, index) =>
    combinations(matrix ?? {}).map((chosen) => ({
      name: [name ?? plugin, ...Object.values(chosen).map(nameOf)].join('-'),
      plugin,
      options: { ...options, ...chosen },
      index,
    })),
  )
}

/** Number of attacks of `suiteAttacks`, without making them. */
export function countAttacks({ attacks }: Suite): number {
  const counts = attacks.map(({ matrix }) =>
    Object.values(matrix ?? {}).reduce((product, values) => product * values.length, 1),
  )
  return counts.reduce((sum, combined) => sum + combined, 0)
}

function combinations(
  matrix: Readonly<Record<string, readonly unknown[]>>,
): Record<string, unknown>[] {
  let rows: Record<string, unknown>[] = [{}]
  for (const [option, values] of Object.entries(matrix)) {
    rows = rows.flatMap((row) => values.map((value) => ({ ...row, [option]: value })))
  }
  return rows
}

/** A value as part of a name. */
function nameOf(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  return text.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replaceAll(/^-|-$/g, '')
}
