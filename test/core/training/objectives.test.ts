/** Training objectives agree with PyTorch and the authors' formulas. */
import { expect, test } from 'vitest'
import { g } from '../../../core/engine/graph/graph.ts'
import { Session } from '../../../core/engine/graph/session.ts'
import { float32, int64 } from '../../../core/engine/tensor/tensor.ts'
import type { Value } from '../../../core/engine/graph/value.ts'
import {
  batchMean,
  jsDivergence,
  klDivergence,
  martLoss,
  meanAbsoluteError,
  meanSquaredError,
  smoothedCrossEntropy,
  tradesLoss,
} from '../../../core/training/objectives.ts'

const first = float32([2, 4], [1, 2, -1, 0.5, 0, -1, 3, 0.2])
const second = float32([2, 4], [0.5, 1, 0, -0.5, 2, 1, 0, -1])
const classes = int64([2], [1, 3])

async function evaluate(
  build: (a: Value, b: Value, labels: Value) => Value,
): Promise<Float32Array> {
  const [a, b] = [g.input('a', 'float32', ['n', 4]), g.input('b', 'float32', ['n', 4])]
  const labels = g.input('labels', 'int64', ['n'])
  const session = await Session.compile({ out: build(a, b, labels) }, [a, b, labels])
  const { out } = await session.run({ a: first, b: second, labels: classes })
  await session.release()
  return out!.data as Float32Array
}

// PyTorch 2.15: F.cross_entropy(a, y, label_smoothing=0.5), F.kl_div(log q, p), and sums of them;
// the boosted cross-entropy as in MART's code with its guards left out.
test.each<[string, (a: Value, b: Value, labels: Value) => Value, number[]]>([
  ['label smoothing', (a, _b, y) => smoothedCrossEntropy(a, y, 0.5), [1.1826819, 2.7462549]],
  ['KL(a‖b)', (a, b) => klDivergence(a, b), [0.1193665, 1.920346]],
  ['JS(a, b)', (a, b) => jsDivergence(a, b), [0.0343692, 0.4060356]],
  ['TRADES', (a, b, y) => tradesLoss(a, b, y, 6), [1.2113808, 14.4433308]],
  ['MART', (a, b, y) => martLoss(a, b, y, 5), [1.3433955, 13.5572977]],
  ['squared error', (a, b) => meanSquaredError(a, b), [0.8125, 4.61]],
  ['absolute error', (a, b) => meanAbsoluteError(a, b), [0.875, 2.05]],
  ['batch mean', (a, b) => batchMean(meanAbsoluteError(a, b)), [1.4625]],
])('%s', async (_, build, expected) => {
  expect(await evaluate(build)).toBeAllclose(expected, { rtol: 1e-5, atol: 1e-6 })
})

test('without smoothing it is cross-entropy', async () => {
  const plain = await evaluate((a, _b, labels) => smoothedCrossEntropy(a, labels, 0))
  const expected = Math.log([1, 2, -1, 0.5].reduce((sum, z) => sum + Math.exp(z), 0)) - 2
  expect(plain[0]).toBeCloseTo(expected, 6)
})
