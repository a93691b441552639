/** Parts of steps as expressions, beside what the host computes. */
import { expect, test } from 'vitest'
import { rowOf } from '../../../core/attack/batch.ts'
import { stepExpressions } from '../../../core/attack/step-expressions.ts'
import { g } from '../../../core/engine/graph/graph.ts'
import { Session } from '../../../core/engine/graph/session.ts'
import { float32, int64, tensor } from '../../../core/engine/tensor/tensor.ts'
import type { FloatTensor } from '../../../core/engine/tensor/tensor.ts'
import { predictedClass } from '../../../core/model/predictions.ts'
import { createBall } from '../../../core/threat/ball.ts'
import { distance } from '../../../core/threat/verify.ts'
import { uniformInputs } from '../../support/attack-task.ts'

test('a class is predicted if no other logit is larger, and no earlier one as large', async () => {
  const rows = [
    [1, 2, 3],
    [3, 3, 1],
    [2, 2, 2],
    [-4, -3, -3],
    [0, -0, 0],
  ]
  const logits = g.input('logits', 'float32', ['n', 3])
  const classes = g.input('classes', 'int64', ['n'])
  const found = stepExpressions.isPredicted(logits, classes)
  const session = await Session.compile({ found }, [logits, classes])
  for (const label of [0, 1, 2]) {
    const outputs = await session.run({
      logits: float32([rows.length, 3], rows.flat()),
      classes: int64(
        [rows.length],
        rows.map(() => label),
      ),
    })
    const expected = rows.map((row) => Number(predictedClass(Float32Array.from(row)) === label))
    expect([...outputs['found']!.data]).toEqual(expected)
  }
})

const size = 40
const count = 30
const epsilon = 0.5

test.each(['float64', 'float32'] as const)(
  'the projection onto an L2 ball within bounds in %s',
  async (precision) => {
    const center = uniformInputs([count, size], 'centers')
    const moves = uniformInputs([count, size], 'moves')
    // Row i moves by up to i/30, so that some points are inside the ball.
    const data = moves.data.map((move, i) => center.data[i]! + (2 * move - 1) * (i / size / 30))
    const point = g.input('point', precision, ['n', size])
    const own = g.input('center', 'float32', ['n', size])
    const [radius, low, high] = ['radius', 'low', 'high'].map((name) =>
      g.input(name, precision, ['n']),
    )
    const ball = { center: own, epsilon: radius!, low: low!, high: high! }
    const projected = stepExpressions.ontoL2Ball(point, ball)
    const session = await Session.compile({ projected }, [point, own, radius!, low!, high!])
    const all = (value: number) =>
      precision === 'float64'
        ? tensor('float64', [count], new Float64Array(count).fill(value))
        : float32([count], new Float32Array(count).fill(value))
    const outputs = await session.run({
      center,
      point:
        precision === 'float64'
          ? tensor('float64', [count, size], Float64Array.from(data))
          : float32([count, size], data),
      radius: all(epsilon),
      low: all(0),
      high: all(1),
    })
    let shortened = 0
    for (let row = 0; row < count; row++) {
      const x = rowOf(center, row)
      const found = rowOf(outputs['projected'] as FloatTensor, row)
      const expected = new Float32Array(size)
      const exact = createBall({ norm: 'L2', epsilon, bounds: [0, 1] }, x)
      exact.project(Float64Array.from(data.subarray(row * size, (row + 1) * size)), expected)
      expect(distance('L2', x, found)).toBeLessThanOrEqual(epsilon)
      const away = Math.max(...found.map((value, i) => Math.abs(value - expected[i]!)))
      expect(away).toBeLessThan(precision === 'float64' ? 1e-7 : 1e-6)
      if (distance('L2', x, expected) > 0.999 * epsilon) shortened += 1
    }
    expect(shortened).toBeGreaterThan(5)
    expect(shortened).toBeLessThan(count)
  },
)
