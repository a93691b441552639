/** The conformance battery for the options of attacks that `attacks.test.ts` leaves out. */
import { conformanceCases } from './cases.ts'
import { describeCases, splitCases } from './run-cases.ts'

for (const [id, cases] of Object.entries(conformanceCases)) {
  const { others } = splitCases(id, cases)
  if (others.length > 0) describeCases(id, others)
}
