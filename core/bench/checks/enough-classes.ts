/** Check: there are enough classes for the difference of logits ratio. */
import { defineProbe } from './probe.ts'

const threshold = 4

/** As the last of AutoAttack's checks (`checks.py`). */
export const enoughClasses = defineProbe({
  id: 'enough-classes',
  title: 'Enough classes for DLR',
  kind: 'probe',
  raisedIf: `the model has fewer than ${threshold} classes`,
  meaning:
    'DLR divides by a difference to the third largest logit, targeted DLR by one to the third and fourth. With fewer classes both become the margin, so an ensemble that counts on different losses has fewer than it seems; and `apgd-t` and `fab-t` have as many targets as there are other classes.',
  whatToDo:
    'Nothing is wrong with the number. Do not compare it with one for more classes, and give the ensemble more restarts.',
  async measure({ model: { classes } }) {
    return {
      verdict: classes < threshold ? 'warn' : 'pass',
      value: classes,
      threshold,
      evidence: `the model has ${classes} classes; DLR needs 3, targeted DLR 4`,
    }
  },
})
