/** The conformance battery over the table of built-in attacks, each in each of its norms. */
import { describe, expect, test } from 'vitest'
import { attackConformance, compiledLinearModel } from '../../core/testing/index.ts'
import type { ConformanceCheckId } from '../../core/testing/index.ts'
import type { AttackPlugin } from '../../core/plugin/contract.ts'
import builtins from '../../plugins/index.ts'
import { withOptions } from '../support/attack-request.ts'
import { conformanceCases, exemptAttacks } from './cases.ts'
import type { ConformanceCase } from './cases.ts'

const attacks = new Map<string, AttackPlugin<never>>()
for (const [id, load] of Object.entries(builtins.attacks!)) attacks.set(id, await load())

test('every attack is checked in each of its norms, or exempt with a reason', () => {
  const checked = Object.entries(conformanceCases).flatMap(([id, cases]) =>
    cases.flatMap(({ norms = attacks.get(id)?.meta.norms ?? [] }) =>
      norms.map((norm) => `${id} ${norm}`),
    ),
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
  describe.each(cases.map((one) => [describeCase(one), one] as const))(`${id} %s`, (_, one) => {
    const { inner, inEngine = false, exempt = {}, ...settings } = one
    const subject = {
      ...settings,
      plugin: attacks.get(id)!,
      ...(inner && { inner: withOptions(attacks.get(inner.id)!, inner.options) }),
      ...(inEngine && { createModel: compiledLinearModel }),
    }
    const used = new Set<ConformanceCheckId>()
    for (const check of attackConformance(subject)) {
      used.add(check.id)
      if (!(check.id in exempt)) test(check.name, check.run)
    }
    test('its exemptions are checks of the battery', () => {
      expect([...used]).toEqual(expect.arrayContaining(Object.keys(exempt)))
    })
  })
}

function describeCase({ options = {}, inner, transform, inEngine }: ConformanceCase): string {
  return [
    `with ${JSON.stringify(options)}`,
    ...(inner ? [`around ${inner.id}`] : []),
    ...(transform ? [`and the transform ${transform.kind}`] : []),
    ...(inEngine ? ['in the engine'] : []),
  ].join(' ')
}
