/**
 * The conformance battery over the table of built-in attacks, each in each of its norms. Further
 * options of the attacks are in `attacks.slow.test.ts`.
 */
import { expect, test } from 'vitest'
import { conformanceCases, exemptAttacks } from './cases.ts'
import { attacks, describeCases, normsOf, splitCases } from './run-cases.ts'

test('every attack is checked in each of its norms, or exempt with a reason', () => {
  const checked = Object.entries(conformanceCases).flatMap(([id, cases]) =>
    splitCases(id, cases).first.flatMap((one) => normsOf(id, one).map((norm) => `${id} ${norm}`)),
  )
  const exempt = new Set(Object.keys(exemptAttacks))
  const expected = [...attacks].flatMap(([id, { meta }]) =>
    meta.norms
      .map((norm) => `${id} ${norm}`)
      .filter((name) => !exempt.has(id) && !exempt.has(name)),
  )
  expect([...new Set(checked)].toSorted()).toEqual(expected.toSorted())
})

for (const [id, cases] of Object.entries(conformanceCases)) {
  describeCases(id, splitCases(id, cases).first)
}
