/** Passes over any number of examples, split into batches. */
import type { GradientResult, TargetedLoss } from '../../model/model.ts'
import { sizeOf, sliceRows, tensor } from '../../engine/tensor/tensor.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import type { ProbeContext } from './probe-context.ts'

type PassContext = Pick<ProbeContext, 'model' | 'batchSize' | 'signal'>

/** Logits `[n, k]`. */
export async function batchedLogits(
  context: PassContext,
  inputs: FloatTensor,
): Promise<FloatTensor> {
  const count = inputs.shape[0]!
  const { classes } = context.model
  const data = new Float32Array(count * classes)
  for (const [start, end] of parts(context, count)) {
    data.set((await context.model.logits(sliceRows(inputs, start, end))).data, start * classes)
  }
  return tensor('float32', [count, classes], data)
}

/** `model.gradient` for any number of examples. */
export async function batchedGradient(
  context: PassContext,
  inputs: FloatTensor,
  labels: Int32Array,
  loss: TargetedLoss,
  targets?: Int32Array,
): Promise<GradientResult> {
  const count = inputs.shape[0]!
  const { classes } = context.model
  const logits = tensor('float32', [count, classes], new Float32Array(count * classes))
  const gradient = tensor('float32', inputs.shape, new Float32Array(inputs.data.length))
  const losses = new Float32Array(count)
  const size = sizeOf(inputs.shape.slice(1))
  for (const [start, end] of parts(context, count)) {
    const part = await context.model.gradient(
      sliceRows(inputs, start, end),
      labels.slice(start, end),
      loss,
      targets?.slice(start, end),
    )
    logits.data.set(part.logits.data, start * classes)
    gradient.data.set(part.gradient.data, start * size)
    losses.set(part.losses, start)
  }
  return { logits, gradient, losses }
}

function* parts({ batchSize, signal }: PassContext, count: number): Generator<[number, number]> {
  for (let start = 0; start < count; start += batchSize) {
    signal.throwIfAborted()
    yield [start, Math.min(count, start + batchSize)]
  }
}
