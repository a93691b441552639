/** Modified models that adaptive attacks pass to the attacks they wrap. */
import { delegateModel, tensor } from '../../../core/api/graph.ts'
import type { ComponentTreatment, Model } from '../../../core/api/plugin.ts'

/** The backward treatment of each component, as declared by the defense. */
export function declaredTreatment(
  model: Pick<Model, 'components'>,
): Record<string, ComponentTreatment> {
  return Object.fromEntries(model.components.map(({ name, backward }) => [name, backward]))
}

/**
 * A model whose logits, losses, and gradients are means over several passes of another model: the
 * expectation over its random numbers (EOT). Losses and gradients are means over the passes, not
 * those of the mean logits.
 * @param samples passes per evaluation, 1 or more; each is counted
 * @see Athalye et al. 2017
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
        const result = await model.gradient(inputs, labels, loss, targets)
        return [result.logits.data, result.losses, result.gradient.data]
      })
      return {
        logits: tensor('float32', [inputs.shape[0]!, model.classes], logits!),
        losses: losses!,
        gradient: tensor('float32', inputs.shape, gradient!),
      }
    },
    // Programs are not averaged: a mean of their outputs, such as points, may be meaningless.
    variant: (options) => meanModel(model.variant(options), samples),
  })
}

/** Means over passes, summed in float64 in the order of the passes. */
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
