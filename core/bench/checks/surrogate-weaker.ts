/** Check: surrogate gradients break no example that exact ones do not. */
import { ConfigError, GraphError } from '../../base/errors.ts'
import { crossEntropy } from '../../model/losses.ts'
import type { GradientResult, Model } from '../../model/model.ts'
import { withDraws } from '../../model/noise.ts'
import { brokenByGradients, usualSteps } from './probe-attacks.ts'
import { batchedGradient } from './batched.ts'
import { notApplicable } from './check.ts'
import type { Finding } from './check.ts'
import { compareBroken } from './compare-broken.ts'
import { brokenWithin, referencePgd, surrogateOf } from './reference-pgd.ts'
import type { ProbeSession } from './probe-session.ts'
import { defineProbe } from './probe.ts'

const threshold = 0.02

/** Backward pass differentiable approximation: Athalye, Carlini, Wagner 2018, arXiv:1802.00420. */
export const surrogateWeaker = defineProbe({
  id: 'surrogate-weaker',
  title: 'A surrogate gradient finds no more',
  kind: 'probe',
  raisedIf:
    'a backward pass that treats every rounding, threshold, and declared component as the ' +
    `identity breaks, in ${usualSteps} steps, more than ${100 * threshold} % of the examples ` +
    'that no exact gradient breaks',
  meaning:
    'The defense relies on a hidden gradient. An attacker who ignores the component that hides ' +
    'it gets further than one who differentiates it.',
  whatToDo:
    'Add `bpda` to the suite, and report the accuracy under it instead of that under plain ' +
    'gradients.',
  async measure(session) {
    if (await session.noGradient()) return notApplicable('there is no gradient at all')
    try {
      if (await isExact(session)) {
        return {
          verdict: 'pass',
          value: 0,
          threshold,
          evidence: 'no rounding, threshold, or declared component changes the gradient',
        }
      }
      return await compare(session)
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof GraphError)) throw error
      return notApplicable(`there is no surrogate gradient: ${error.message}`)
    }
  },
})

/** Whether surrogate and exact gradients are equal at the inputs. */
async function isExact({ model, inputs, labels, context }: ProbeSession): Promise<boolean> {
  const gradientOf = (other: Model): Promise<GradientResult> =>
    batchedGradient({ ...context, model: other }, inputs, labels, crossEntropy)
  const exact = await gradientOf(withDraws(model, 'surrogate'))
  const surrogate = await gradientOf(surrogateOf(model, 'surrogate'))
  return exact.gradient.data.every((value, i) => Object.is(value, surrogate.gradient.data[i]))
}

async function compare(session: ProbeSession): Promise<Finding> {
  const { threatModel } = session
  const found = await referencePgd(session, {
    loss: 'margin',
    steps: usualSteps,
    stepFraction: 0.1,
    epsilon: threatModel.epsilon,
    start: 'random',
    gradients: 'surrogate',
  })
  const broken = brokenWithin(found)
  const gradients = await brokenByGradients(session)
  return compareBroken(
    { flags: broken, subject: 'surrogate gradients break', short: 'the surrogate' },
    { flags: gradients, subject: 'exact ones' },
    threshold,
  )
}
