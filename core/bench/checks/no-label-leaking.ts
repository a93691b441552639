/** Check: a whole step along the gradient at the data does more harm than a part of it. */
import { brokenByGradients, oneStep, usualSteps } from './probe-attacks.ts'
import { notApplicable, ofExamples } from './check.ts'
import { brokenWithin, referencePgd } from './reference-pgd.ts'
import { countFlagged, inAny, onlyIn } from './flags.ts'
import { defineProbe } from './probe.ts'

/** Of the step of length ε: the shorter one that is compared. */
const part = 0.25
const warnAbove = 0.25
const failAbove = 0.5
/** Of the examples: with fewer broken a share says nothing. */
const enough = 0.25

/**
 * Kurakin, Goodfellow, Bengio 2017, arXiv:1611.01236, section 4 ("label leaking"). That after such training a shorter step breaks what the whole
 * one leaves is from Kim, Lee, Lee 2021, arXiv:2010.01799. How many examples the whole step breaks tells less: after such training about a
 * third of what small steps break, of an honest model in another norm than it was trained in less than a tenth.
 */
export const noLabelLeaking = defineProbe({
  id: 'no-label-leaking',
  title: 'A whole step does more harm than a part of it',
  kind: 'probe',
  raisedIf: `of the examples that ${usualSteps} small steps break (at least ${100 * enough} % of all), one step of length ε from the input leaves more than ${100 * warnAbove} % unbroken that a step of ${part} ε in the same direction breaks, or whose loss it does not raise; fails above ${100 * failAbove} %`,
  meaning:
    'The gradient right at the data leads past the mistakes, to where the model is right again: training against one-step attacks teaches that (label leaking, "catastrophic overfitting"). One-step attacks report an accuracy that no other attack confirms.',
  whatToDo:
    'Report no `fgsm` for this model, and start iterative attacks at random points. If the defense was trained with one-step examples, train it with several steps.',
  async measure(session) {
    if (await session.noGradient()) return notApplicable('there is no gradient at all')
    const { count, threatModel } = session
    const many = await brokenByGradients(session)
    const broken = countFlagged(many)
    if (broken < enough * count) {
      return notApplicable(
        `${usualSteps} steps break ${ofExamples(broken, count)}: too few to compare with`,
      )
    }
    const whole = await oneStep(session)
    const shorter = await referencePgd(session, {
      loss: 'cross-entropy',
      steps: 1,
      stepFraction: part,
      epsilon: threatModel.epsilon,
      start: 'input',
    })
    const inVain = Uint8Array.from(whole.best, (best) => (best.at(-1) === best[0] ? 1 : 0))
    const better = inAny(inVain, brokenWithin(shorter))
    const missed = onlyIn(many, brokenWithin(whole))
    const misled = countFlagged(missed.map((mark, row) => mark & better[row]!))
    const share = misled / broken
    return {
      verdict: share > failAbove ? 'fail' : share > warnAbove ? 'warn' : 'pass',
      value: share,
      threshold: warnAbove,
      evidence: `${usualSteps} steps break ${ofExamples(broken, count)}, one step of ε ${countFlagged(brokenWithin(whole))}, one of ${part} ε ${countFlagged(brokenWithin(shorter))}; for ${misled} that the step of ε leaves, the shorter one suffices or the loss does not rise`,
    }
  },
})
