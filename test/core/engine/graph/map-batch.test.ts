/** An expression of a fixed batch, applied part by part, equals the expression of the batch. */
import { expect, test } from 'vitest'
import { g } from '../../../../core/engine/graph/graph.ts'
import { gradient } from '../../../../core/engine/graph/gradient.ts'
import { mapBatch } from '../../../../core/engine/graph/map-batch.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import type { Value } from '../../../../core/engine/graph/value.ts'
import { randomTensor } from '../../../support/onnx-file.ts'

const kernel = g.constant(randomTensor([2, 1, 3, 3], 'kernel'))
const matrix = g.constant(randomTensor([18, 4], 'matrix'))

/** [b, 1, 3, 3] to [b, 4]; smooth, so that second derivatives do not vanish. */
function network(x: Value): Value {
  const features = g.tanh(g.conv(x, kernel, null, { pads: [1, 1, 1, 1] }))
  return g.softmax(g.matMul(g.op('Flatten', [features])[0]!, matrix))
}

const inParts = (x: Value, batch: number): Value => {
  const part = g.input('row0', 'float32', [batch, 1, 3, 3])
  return mapBatch([x], { inputs: [part], outputs: [network(part)] })[0]!
}

/** y, its gradient, and the gradient of the gradient's squares. */
function derivatives(x: Value, y: Value): Record<string, Value> {
  const weight = g.constant(randomTensor([4], 'weight'))
  const [first] = gradient(g.mul(y, weight), [x])
  const [second] = gradient(g.mul(first!, first!), [x])
  return { y, first: first!, second: second! }
}

test.each([1, 3])('for parts of %i, up to second derivatives', async (batch) => {
  const x = g.input('x', 'float32', ['n', 1, 3, 3])
  const whole = await Session.compile(derivatives(x, network(x)), [x])
  const parts = await Session.compile(derivatives(x, inParts(x, batch)), [x])
  for (const rows of [1, 3, 4, 7]) {
    const feed = { x: randomTensor([rows, 1, 3, 3], 'x') }
    const [expected, actual] = [await whole.run(feed), await parts.run(feed)]
    for (const key of ['y', 'first', 'second']) {
      expect(actual[key]!.shape).toEqual(expected[key]!.shape)
      // The same operators for another batch: float32 rounding of kernels.
      expect(actual[key]!.data as Float32Array).toBeAllclose(expected[key]!.data as Float32Array, {
        rtol: 1e-5,
        atol: 1e-7,
      })
    }
  }
  await whole.release()
  await parts.release()
})
