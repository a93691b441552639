/** The documentation of all checks, for docs/checks.md and reports. */
import type { CheckDocumentation } from './check.ts'
import { outcomeChecks } from './outcome-checks.ts'
import { probes } from './probes.ts'

/** Probes first, then outcome checks, each in reading order. */
export const checkDocumentation: readonly CheckDocumentation[] = [...probes, ...outcomeChecks].map(
  ({ id, title, kind, raisedIf, meaning, whatToDo }) => ({
    id,
    title,
    kind,
    raisedIf,
    meaning,
    whatToDo,
  }),
)

/** The documentation of one check; undefined for an id of another version of robench. */
export function documentationOf(id: string): CheckDocumentation | undefined {
  return checkDocumentation.find((check) => check.id === id)
}
