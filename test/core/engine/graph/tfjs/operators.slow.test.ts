/** TensorFlow.js computes operators and their gradients as onnxruntime does. */
import { describe, expect, it } from 'vitest'
import { randomStream } from '../../../../../core/base/random.ts'
import { gradient } from '../../../../../core/engine/graph/gradient.ts'
import { g } from '../../../../../core/engine/graph/graph.ts'
import { isFloat } from '../../../../../core/engine/graph/ops/elementwise.ts'
import { operators } from '../../../../../core/engine/graph/ops/index.ts'
import { Session } from '../../../../../core/engine/graph/session.ts'
import type { Value } from '../../../../../core/engine/graph/value.ts'
import { sizeOf } from '../../../../../core/engine/tensor/tensor.ts'
import { buildSample } from '../../../../support/operator-sample.ts'

/** Operators on integers that the engine lacks. Models of images have no use for them. */
const lacking = ['BitShift', 'BitwiseAnd', 'BitwiseNot', 'BitwiseOr', 'BitwiseXor']

it.each(lacking)('%s is refused by name', async (op) => {
  const { inputs, outputs } = buildSample(op, operators.get(op)!.samples[0]!)
  await expect(
    Session.compile({ y: outputs[0]! }, inputs, { device: 'tfjs' }, 'm.onnx'),
  ).rejects.toThrow(`m.onnx: engine tfjs lacks ${op}`)
})

const tested = [...operators.values()].filter(({ op }) => !lacking.includes(op))

describe.each(tested)('$op', (record) => {
  it.each(record.samples.map((sample, i) => ({ i, sample })))(
    'sample $i, forward and backward',
    async ({ sample }) => {
      const { inputs, feeds, outputs } = buildSample(record.op, sample)
      const named: Record<string, Value> = Object.fromEntries(
        outputs.map((output, k) => [`y${k}`, output]),
      )
      const isDifferentiated = typeof record.vjp === 'function' || record.body !== undefined
      const wanted = inputs.filter(({ dtype }) => isFloat(dtype))
      const [first] = outputs
      if (isDifferentiated && wanted.length > 0 && first && isFloat(first.dtype)) {
        const shape = first.shape as readonly number[]
        const random = randomStream('upstream', record.op)
        const upstream = g.floats(
          shape,
          Array.from({ length: sizeOf(shape) }, () => random.normal()),
        )
        gradient(first, wanted, { upstream: g.cast(upstream, first.dtype) }).forEach(
          (value, k) => (named[`g${k}`] = value),
        )
      }
      const reference = await Session.compile(named, inputs)
      const translated = await Session.compile(named, inputs, { device: 'tfjs' })
      const [expected, actual] = [await reference.run(feeds), await translated.run(feeds)]
      for (const name of Object.keys(named)) {
        expect(actual[name]!.shape).toEqual(expected[name]!.shape)
        expect(actual[name]!.dtype).toBe(expected[name]!.dtype)
        // Polynomials of the error function and of powers: 1e-7 to 1e-5.
        expect(Float64Array.from(actual[name]!.data, Number), name).toBeAllclose(
          Float64Array.from(expected[name]!.data, Number),
          { rtol: 1e-4, atol: 1e-4 },
        )
      }
      await reference.release()
      await translated.release()
    },
  )
})
