/** Kernels of matrix products. */
import { numberOf } from '../operator-call.ts'
import { einsumTerms } from '../ops/einsum.ts'
import type { Tf, TfTensor } from './backend.ts'
import { input, type Kernels } from './kernel.ts'

/** Matrix products and sums of products. */
export const productKernels: Kernels = {
  MatMul: (call) => {
    const { tf } = call
    const [a, b] = [input(call, 0), input(call, 1)]
    const left = a.rank === 1 ? tf.expandDims(a, 0) : a
    const right = b.rank === 1 ? tf.expandDims(b, 1) : b
    const product =
      right.rank === 2
        ? tf.matMul(tf.reshape(left, [-1, left.shape.at(-1)!]), right)
        : multiplyStacks(tf, left, right)
    return tf.reshape(product, [...call.shapes[0]!])
  },
  Gemm: (call) => {
    const { tf, node } = call
    const [alpha, beta] = [numberOf(node, 'alpha'), numberOf(node, 'beta')]
    const product = tf.matMul(
      input(call, 0),
      input(call, 1),
      numberOf(node, 'transA') === 1,
      numberOf(node, 'transB') === 1,
    )
    const scaled = alpha === 1 ? product : tf.mul(product, alpha)
    const c = call.inputs[2]
    if (!c) return scaled
    return tf.add(scaled, beta === 1 ? c : tf.mul(c, beta))
  },
  Einsum: (call) => {
    const { tf, node } = call
    const { terms, output } = einsumTerms(node)
    const all = [...new Set([...output, ...terms.flat()])]
    const factors = terms.map((term, i) => {
      const present = all.filter((index) => term.includes(index))
      const x = tf.transpose(
        input(call, i),
        present.map((index) => term.indexOf(index)),
      )
      const shape = all.map((index) =>
        term.includes(index) ? input(call, i).shape[term.indexOf(index)]! : 1,
      )
      return tf.reshape(x, shape)
    })
    const product = factors.reduce((a, b) => tf.mul(a, b))
    const summed = all.map((_, axis) => axis).slice(output.length)
    return tf.reshape(summed.length === 0 ? product : tf.sum(product, summed), [...call.shapes[0]!])
  },
}

/** Of stacks of matrices that broadcast, as stacks of rank 3. */
function multiplyStacks(tf: Tf, a: TfTensor, b: TfTensor): TfTensor {
  const rank = Math.max(a.rank, b.rank)
  const aligned = [a, b].map((x) =>
    tf.reshape(x, [...Array.from({ length: rank - x.rank }, () => 1), ...x.shape]),
  )
  const stack = aligned[0]!.shape
    .slice(0, -2)
    .map((size, i) => Math.max(size, aligned[1]!.shape[i]!))
  const [left, right] = aligned.map((x) => {
    const matrix = x.shape.slice(-2)
    return tf.reshape(tf.broadcastTo(x, [...stack, ...matrix]), [-1, ...matrix])
  })
  return tf.matMul(left!, right!)
}
