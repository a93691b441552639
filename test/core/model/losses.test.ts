/** Losses equal their closed forms, and DLR is invariant to the scale of logits. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { attackLosses, targetedAttackLosses } from '../../../core/attack/attack-loss.ts'
import type { Model } from '../../../core/model/model.ts'
import { float32 } from '../../../core/engine/tensor/tensor.ts'
import {
  LinearModel,
  compiledLinearModel,
  randomLinearClassifier,
} from '../../../core/testing/index.ts'
import { randomStream } from '../../../core/base/random.ts'

const losses = { ...attackLosses, ...targetedAttackLosses }
const names = Object.keys(losses) as (keyof typeof losses)[]
const count = 12

async function outputs(model: Model, name: keyof typeof losses) {
  const stream = randomStream(3, 'losses')
  const pixels = Float32Array.from({ length: count * 6 }, () => stream.uniform())
  const labels = Int32Array.from({ length: count }, (_, row) => row % model.classes)
  const targets = labels.map((label) => (label + 1) % model.classes)
  const feeds = [float32([count, 1, 2, 3], pixels), labels, losses[name].expression] as const
  const output =
    name in targetedAttackLosses
      ? await model.gradient(...feeds, targets)
      : await model.gradient(...feeds)
  return { ...output, labels, targets }
}

describe.each([2, 3, 4, 7])('with %i classes', (classes) => {
  test.each(names)('expression, closed form and plain numbers agree on %s', async (name) => {
    const classifier = randomLinearClassifier([1, 2, 3], classes, 5)
    const engine = await compiledLinearModel(classifier)
    const found = await outputs(engine, name)
    const closed = await outputs(new LinearModel(classifier), name)
    await engine.dispose()
    // float32 against float64; the ratios divide by small differences of logits.
    expect(found.losses).toBeAllclose(closed.losses, { rtol: 1e-4, atol: 1e-5 })
    expect(found.gradient.data).toBeAllclose(closed.gradient.data, { rtol: 2e-3, atol: 1e-4 })
    const plain = Array.from(found.labels, (label, row) =>
      losses[name].value(
        closed.logits.data.subarray(row * classes, (row + 1) * classes),
        label,
        found.targets[row]!,
      ),
    )
    expect(closed.losses).toBeAllclose(plain, { rtol: 1e-6, atol: 1e-7 })
  })
})

test('DLR is invariant to a·z + b and has the sign of the margin', () => {
  const logits = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 4, maxLength: 9 })
  fc.assert(
    fc.property(logits, fc.constantFrom(2 ** -10, 0.5, 8, 2 ** 10), (z, scale) => {
      fc.pre(new Set(z.toSorted((a, b) => b - a).slice(0, 3)).size === 3)
      const plain = Float32Array.from(z)
      const scaled = plain.map((value) => scale * value + 16 * scale)
      for (const label of [0, 1]) {
        const value = attackLosses.dlr.value(plain, label)
        expect(attackLosses.dlr.value(scaled, label)).toBeCloseTo(value, 6)
        expect(Math.sign(value)).toBe(Math.sign(attackLosses.margin.value(plain, label)))
        const targeted = targetedAttackLosses['dlr-targeted']
        expect(targeted.value(scaled, label, 2)).toBeCloseTo(targeted.value(plain, label, 2), 6)
      }
    }),
  )
})

test('DLR matches its definition', () => {
  const logits = Float32Array.of(5, 1, 3, 2)
  expect(attackLosses.dlr.value(logits, 0)).toBeCloseTo(-2 / 3, 12)
  expect(attackLosses.dlr.value(logits, 2)).toBeCloseTo(2 / 3, 12)
  expect(attackLosses.dlr.value(logits, 3)).toBeCloseTo(1, 12)
  expect(targetedAttackLosses['dlr-targeted'].value(logits, 0, 1)).toBeCloseTo(-4 / 3.5, 12)
})

test('DLR of three equal largest logits is finite', () => {
  const logits = Float32Array.of(2, 2, 2, 1)
  expect(attackLosses.dlr.value(logits, 3)).toBe(1e12)
  expect(attackLosses.dlr.value(logits, 0)).toBe(0)
})
