/** The views of a model that adaptive attacks hand to the attacks they wrap. */
import { delegateModel, tensor } from '../../../core/api/graph.ts'
import type { ComponentTreatment, Model } from '../../../core/api/plugin.ts'

/** The treatment of each component that its defense declares for the backward pass. */
export function declaredTreatment(
  model: Pick<Model, 'components'>,
): Record<string, ComponentTreatment> {
  return Object.fromEntries(model.components.map(({ name, backward }) => [name, backward]))
}

/**
 * A model whose logits, losses and gradients are the means over several passes of another: the expectation over its random numbers (EOT).
 * One pass counts as so many. Losses and gradients are means of the passes' own, not those of the mean logits.
 * @param samples passes, 1 or more
 * @see Athalye, Engstrom, Ilyas, Kwok 2018, "Synthesizing robust adversarial examples", arXiv:1707.07397
 */
export function meanModel(model: Model, samples: number): Model {
  if (samples === 1) return model
  return delegateModel(model, {
    async logits(inputs) {
      const [mean] = await meanOf(samples, async () => [(await model.logits(inputs)).data])
      return tensor('float32', [inputs.shape[0]!, model.classes], mean!)
    },
    async gradient(inputs, labels, loss, targets) {
      const [logits, losses, gradient] = await meanOf(samples, async () => {
        const answer = await model.gradient(inputs, labels, loss, targets)
        return [answer.logits.data, answer.losses, answer.gradient.data]
      })
      return {
        logits: tensor('float32', [inputs.shape[0]!, model.classes], logits!),
        losses: losses!,
        gradient: tensor('float32', inputs.shape, gradient!),
      }
    },
    // Programs are left as they are: their outputs may be anything, points too, whose means mean nothing.
    variant: (options) => meanModel(model.variant(options), samples),
  })
}

/** Means in float64, summed in the order of the passes. */
async function meanOf(
  samples: number,
  pass: () => Promise<readonly Float32Array[]>,
): Promise<Float32Array<ArrayBuffer>[]> {
  const totals = (await pass()).map((array) => Float64Array.from(array))
  for (let sample = 1; sample < samples; sample++) {
    const arrays = await pass()
    arrays.forEach((array, k) => {
      const total = totals[k]!
      for (let i = 0; i < array.length; i++) total[i]! += array[i]!
    })
  }
  return totals.map((total) => Float32Array.from(total, (sum) => sum / samples))
}
