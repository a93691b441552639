/** Check: a full step along the gradient at the input does more harm than a partial one. */
import { brokenByGradients, oneStep, usualSteps } from './probe-attacks.ts'
import { notApplicable, ofExamples } from './check.ts'
import { brokenWithin, referencePgd } from './reference-pgd.ts'
import { countFlagged, inAny, onlyIn } from './flags.ts'
import { startGradients } from './start-gradients.ts'
import { defineProbe } from './probe.ts'

/** Length of the partial step, in ε. */
const part = 0.25
const warnAbove = 0.25
const failAbove = 0.5
/** Fraction of examples that must be broken for the comparison to be meaningful. */
const enough = 0.25

/**
 * Kurakin, Goodfellow, Bengio 2017, arXiv:1611.01236, section 4 ("label leaking"). Kim, Lee, Lee
 * 2021, arXiv:2010.01799, observe that after such training a shorter step breaks examples that the
 * full step leaves. The number of examples that the full step breaks is less informative: after
 * such training it is about a third of what small steps break, and for a sound model in another
 * norm than the one it was trained in less than a tenth.
 */
export const noLabelLeaking = defineProbe({
  id: 'no-label-leaking',
  title: 'A full step does more harm than a partial one',
  kind: 'probe',
  raisedIf:
    `of the examples that ${usualSteps} small steps break (at least ${100 * enough} % of all; ` +
    'those with a zero gradient of cross-entropy do not count), ' +
    `more than ${100 * warnAbove} % survive one step of length ε from the input although a step ` +
    `of ${part} ε in the same direction breaks them, or although the full step does not raise ` +
    `the loss; fails above ${100 * failAbove} %`,
  meaning:
    'The gradient at the input leads past the errors, to a region where the model is right ' +
    'again. Training on one-step attacks causes this (label leaking, "catastrophic ' +
    'overfitting"). One-step attacks then report an accuracy that no other attack confirms.',
  whatToDo:
    'Do not report `fgsm` for this model, and start iterative attacks at random points. If the ' +
    'defense was trained with one-step examples, train it with several steps.',
  async measure(session) {
    if (await session.noGradient()) return notApplicable('there is no gradient at all')
    const { count, threatModel } = session
    const { zero } = await startGradients(session, 'cross-entropy')
    const many = onlyIn(await brokenByGradients(session), zero)
    const broken = countFlagged(many)
    if (broken < enough * count) {
      return notApplicable(
        `${usualSteps} steps break ${ofExamples(broken, count)} whose gradient of ` +
          'cross-entropy is not zero: too few for a comparison',
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
    const notRaised = Uint8Array.from(whole.best, (best) => (best.at(-1) === best[0] ? 1 : 0))
    const better = inAny(notRaised, brokenWithin(shorter))
    const missed = onlyIn(many, brokenWithin(whole))
    const misled = countFlagged(missed.map((flag, row) => flag & better[row]!))
    const share = misled / broken
    return {
      verdict: share > failAbove ? 'fail' : share > warnAbove ? 'warn' : 'pass',
      value: share,
      threshold: warnAbove,
      evidence:
        `${usualSteps} steps break ${ofExamples(broken, count)}, one step of ε ` +
        `${countFlagged(brokenWithin(whole))}, one of ${part} ε ` +
        `${countFlagged(brokenWithin(shorter))}; ${misled} survive the step of ε although the ` +
        'shorter step breaks them or the loss does not rise',
    }
  },
})
