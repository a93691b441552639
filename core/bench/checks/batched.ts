/** Passes over more examples than one batch holds. */
import type { GradientResult, TargetedLoss } from '../../model/model.ts'
import { sizeOf, sliceRows, tensor } from '../../engine/tensor/tensor.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import type { ProbeContext } from './probe-context.ts'

type Means = Pick<ProbeContext, 'model' | 'batchSize' | 'signal'>

/** Logits `[n, k]`. */
export async function batchedLogits(means: Means, inputs: FloatTensor): Promise<FloatTensor> {
  const count = inputs.shape[0]!
  const { classes } = means.model
  const data = new Float32Array(count * classes)
  for (const [start, end] of parts(means, count)) {
    data.set((await means.model.logits(sliceRows(inputs, start, end))).data, start * classes)
  }
  return tensor('float32', [count, classes], data)
}

/** As `model.gradient`. */
export async function batchedGradient(
  means: Means,
  inputs: FloatTensor,
  labels: Int32Array,
  loss: TargetedLoss,
  targets?: Int32Array,
): Promise<GradientResult> {
  const count = inputs.shape[0]!
  const { classes } = means.model
  const logits = tensor('float32', [count, classes], new Float32Array(count * classes))
  const gradient = tensor('float32', inputs.shape, new Float32Array(inputs.data.length))
  const losses = new Float32Array(count)
  const size = sizeOf(inputs.shape.slice(1))
  for (const [start, end] of parts(means, count)) {
    const answer = await means.model.gradient(
      sliceRows(inputs, start, end),
      labels.slice(start, end),
      loss,
      targets?.slice(start, end),
    )
    logits.data.set(answer.logits.data, start * classes)
    gradient.data.set(answer.gradient.data, start * size)
    losses.set(answer.losses, start)
  }
  return { logits, gradient, losses }
}

function* parts({ batchSize, signal }: Means, count: number): Generator<[number, number]> {
  for (let start = 0; start < count; start += batchSize) {
    signal.throwIfAborted()
    yield [start, Math.min(count, start + batchSize)]
  }
}
