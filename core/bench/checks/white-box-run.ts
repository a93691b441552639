/** Check: a strong white-box attack was run. */
import { notApplicable } from './check.ts'
import { completed, defineOutcomeCheck, onlyWeak, whiteBoxAttacks } from './outcome-check.ts'

/** Without a white-box attack, a robust accuracy says little. */
export const whiteBoxRun = defineOutcomeCheck({
  id: 'white-box-run',
  title: 'A strong white-box attack was run',
  kind: 'outcome-check',
  raisedIf:
    'no white-box attack on the model itself was completed, or only such that take one step or ' +
    'search a part of the ball',
  meaning:
    'Black-box and transfer attacks, single steps, and attacks on some frequencies only are far ' +
    'weaker at any affordable budget. The accuracy under them is an upper bound that says ' +
    'little. If another attack breaks more, that does not show that gradients are masked.',
  whatToDo:
    'Add `autoattack` or `pgd` to the suite. If the model has no gradient, state that beside ' +
    'the number.',
  check(context) {
    if (completed(context.entry).length === 0) return notApplicable('no attack was completed')
    const found = whiteBoxAttacks(context)
    const weak = found.length > 0 ? onlyWeak(found) : 'no white-box attack was completed'
    const names = found.map(({ name }) => name).join(', ')
    return {
      verdict: weak === undefined ? 'pass' : 'warn',
      value: found.length,
      threshold: 1,
      evidence: weak ?? `white-box: ${names}`,
    }
  },
})
