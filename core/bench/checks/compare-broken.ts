/** Compares which examples two attacks break: the weaker one should break no others. */
import { ofExamples } from './check.ts'
import type { Finding } from './check.ts'
import { countFlagged, onlyIn } from './flags.ts'

/** Flags of the examples that an attack breaks, and words of the evidence. */
export interface BrokenBy {
  readonly flags: Uint8Array
  /** `random search breaks`; of the stronger attack, its name alone. */
  readonly subject: string
}

/**
 * The finding of a check that fails if the weaker attack alone breaks too many examples.
 * @param short name of the weaker attack: `the search`
 * @param threshold share of the examples above which the check fails
 */
export function compareBroken(
  weaker: BrokenBy & { readonly short: string },
  stronger: BrokenBy,
  threshold: number,
): Finding {
  const count = weaker.flags.length
  const only = countFlagged(onlyIn(weaker.flags, stronger.flags))
  return {
    verdict: only > threshold * count ? 'fail' : 'pass',
    value: only / count,
    threshold,
    evidence:
      `${weaker.subject} ${ofExamples(countFlagged(weaker.flags), count)}, ${stronger.subject} ` +
      `${countFlagged(stronger.flags)}; ${only} only by ${weaker.short}`,
  }
}
