/** Check: the model predicts the classes of the data, and does not abstain. */
import { ofExamples } from './check.ts'
import { randomNeighbors } from './random-neighbors.ts'
import { countFlagged, inAny } from './flags.ts'
import { defineProbe } from './probe.ts'

/** Additional outputs change the meaning of robust accuracy. */
export const noAbstention = defineProbe({
  id: 'no-abstention',
  title: 'The model does not abstain',
  kind: 'probe',
  raisedIf: 'the model has more outputs than the data has classes',
  meaning:
    'The additional outputs mean "rejected", or nothing. Robust accuracy counts an abstention ' +
    'as broken. It therefore tells how easily the detector is triggered, by noise as well, and ' +
    'not whether the classifier can be fooled unnoticed.',
  whatToDo:
    'Evaluate the classifier without its detector. To evaluate both, count an example as broken ' +
    'only if it gets a wrong class of the data, and attack classifier and detector at once.',
  async measure(session) {
    const { model, context } = session
    const classes = context.classes ?? model.classes
    const extra = model.classes - classes
    if (extra <= 0) {
      return {
        verdict: 'pass',
        value: 0,
        threshold: 0,
        evidence: `the model has ${model.classes} outputs, the data ${classes} classes`,
      }
    }
    const abstains = (predicted: readonly (readonly number[])[]): Uint8Array =>
      Uint8Array.from(predicted, (all) => (all.some((label) => label >= classes) ? 1 : 0))
    const found = inAny(
      abstains((await randomNeighbors(session, 'inside')).predicted),
      abstains((await randomNeighbors(session, 'corners')).predicted),
    )
    return {
      verdict: 'warn',
      value: extra,
      threshold: 0,
      evidence:
        `the model has ${model.classes} outputs, the data ${classes} classes; at random points ` +
        'of the ball it predicts an additional one for ' +
        ofExamples(countFlagged(found), found.length),
    }
  },
})
