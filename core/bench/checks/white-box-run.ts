/** Check: a white-box attack was run. */
import { notApplicable } from './check.ts'
import { completed, defineOutcomeCheck, attackAccuracies } from './outcome-check.ts'

/** Without a white-box attack, a robust accuracy says little. */
export const whiteBoxRun = defineOutcomeCheck({
  id: 'white-box-run',
  title: 'A white-box attack was run',
  kind: 'outcome-check',
  raisedIf: 'no white-box attack on the model itself was completed',
  meaning:
    'Black-box and transfer attacks are far weaker at any affordable budget. The accuracy under ' +
    'them is an upper bound that says little.',
  whatToDo:
    'Add `autoattack` or `pgd` to the suite. If the model has no gradient, state that beside ' +
    'the number.',
  check(context) {
    if (completed(context.entry).length === 0) return notApplicable('no attack was completed')
    const found = attackAccuracies(context).filter(
      ({ facts }) => facts.knowledge === 'white-box' && !facts.surrogates,
    )
    const names = found.map(({ name }) => name).join(', ')
    return {
      verdict: found.length === 0 ? 'warn' : 'pass',
      value: found.length,
      threshold: 1,
      evidence: found.length === 0 ? 'no white-box attack was completed' : `white-box: ${names}`,
    }
  },
})
