/** Runs the conformance battery for cases of the built-in attacks. */
import { describe, expect, test } from 'vitest'
import { attackConformance, compiledLinearModel } from '../../core/testing/index.ts'
import type { ConformanceCheckId } from '../../core/testing/index.ts'
import type { AttackPlugin } from '../../core/plugin/contract.ts'
import builtins from '../../plugins/index.ts'
import { withOptions } from '../support/attack-request.ts'
import type { ConformanceCase } from './cases.ts'

/** The built-in attacks by id. */
export const attacks: ReadonlyMap<string, AttackPlugin<never>> = new Map(
  await Promise.all(
    Object.entries(builtins.attacks!).map(async ([id, load]) => [id, await load()] as const),
  ),
)

/** The norms in which a case of an attack runs. */
export function normsOf(id: string, { norms }: ConformanceCase): readonly string[] {
  return norms ?? attacks.get(id)?.meta.norms ?? []
}

/** Splits the cases of an attack: those that together cover each norm once, and the others. */
export function splitCases(
  id: string,
  cases: readonly ConformanceCase[],
): { readonly first: readonly ConformanceCase[]; readonly others: readonly ConformanceCase[] } {
  const covered = new Set<string>()
  const first = cases.filter((one) => {
    const added = normsOf(id, one).filter((norm) => !covered.has(norm))
    for (const norm of added) covered.add(norm)
    return added.length > 0
  })
  return { first, others: cases.filter((one) => !first.includes(one)) }
}

/** Defines the tests of the battery for cases of one attack. */
export function describeCases(id: string, cases: readonly ConformanceCase[]): void {
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
