/** The contract of a probe: a check that runs passes on a sample of the data. */
import type { CheckDocumentation, Finding } from './check.ts'
import type { ProbeSession } from './probe-session.ts'

/** A check that measures a model; the measurement costs passes. */
export interface Probe extends CheckDocumentation {
  readonly kind: 'probe'
  /** True if it also applies where no example is classified correctly, or there is no ball. */
  readonly always?: boolean
  /** @throws RobenchError from the model */
  measure(session: ProbeSession): Promise<Finding>
}

/** Declares a probe. Returns its argument; it exists for type inference. */
export function defineProbe(probe: Probe): Probe {
  return probe
}
