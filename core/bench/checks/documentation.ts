/** What each check is raised for, what that means and what to do: for docs/checks.md and for reports. */
import type { CheckDocumentation } from './check.ts'
import { outcomeChecks } from './outcome-checks.ts'
import { probes } from './probes.ts'

/** Of all checks: probes first, each in their order. */
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

/** Of one check; undefined for an id of another version of robench. */
export function documentationOf(id: string): CheckDocumentation | undefined {
  return checkDocumentation.find((check) => check.id === id)
}
