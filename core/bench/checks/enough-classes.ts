/** Check: the model has enough classes for the difference of logits ratio (DLR). */
import { defineProbe } from './probe.ts'

const threshold = 4

/** Last check of AutoAttack (`checks.py`). */
export const enoughClasses = defineProbe({
  id: 'enough-classes',
  title: 'Enough classes for DLR',
  kind: 'probe',
  raisedIf: `the model has fewer than ${threshold} classes`,
  meaning:
    'DLR divides by the difference to the third largest logit, targeted DLR by one that ' +
    'involves the third and fourth. With fewer classes both reduce to the margin, so an ' +
    'ensemble of losses has fewer distinct losses than it lists. `apgd-t` and `fab-t` have only ' +
    'as many targets as there are other classes.',
  whatToDo:
    'The number is not wrong. Do not compare it with results for more classes, and give the ' +
    'ensemble more restarts.',
  async measure({ model: { classes } }) {
    return {
      verdict: classes < threshold ? 'warn' : 'pass',
      value: classes,
      threshold,
      evidence: `the model has ${classes} classes; DLR needs 3, targeted DLR 4`,
    }
  },
})
