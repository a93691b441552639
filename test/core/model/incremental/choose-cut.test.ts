/** Networks are cut where that saves most work. */
import { describe, expect, test } from 'vitest'
import { g } from '../../../../core/engine/graph/graph.ts'
import type { Value } from '../../../../core/engine/graph/value.ts'
import { chooseCut } from '../../../../core/model/incremental/choose-cut.ts'
import { channelsOf, images, layers, weight } from './local-layers.ts'

describe('the cut', () => {
  const classify = (features: Value): Value =>
    g.matMul(
      g.op('Flatten', [g.globalAveragePool(features)])[0]!,
      weight([channelsOf(features), 10], 99),
    )

  test('is the last local value through which all paths lead', () => {
    const x = images()
    const block = layers['residual block']!(layers['conv 3']!(x, 1), 2)
    const logits = classify(layers['conv 3 stride 2']!(block, 3))
    const cut = chooseCut(logits, x, new Map([[1, 10]]))
    expect(cut?.value).toBe(block)
    expect(cut?.regions.get(1)).toEqual([7, 7])
  })

  test('is not a value whose operator has another used output', () => {
    const x = images()
    const first = layers['conv 3']!(layers['conv 3']!(x, 1), 2)
    const pool = { kernel_shape: [2, 2], strides: [2, 2] }
    const [values, indices] = g.op('MaxPool', [first], pool)
    const both = g.concat([values!, g.cast(indices!, 'float32')], 1)
    const cut = chooseCut(classify(layers['conv 3']!(both, 3)), x, new Map([[1, 10]]))
    expect(cut?.value).toBe(first)
  })

  test('does not exist where windows save too little', () => {
    const x = images()
    const logits = classify(layers['residual block']!(layers['conv 3']!(x, 1), 2))
    expect(chooseCut(logits, x, new Map([[15, 10]]))).toBeUndefined()
  })

  test('does not exist where the first layer depends on the whole image', () => {
    const x = images()
    const centered = g.sub(x, g.reduceMean(x, [2, 3], true))
    const logits = classify(layers['residual block']!(layers['conv 3']!(centered, 1), 2))
    expect(chooseCut(logits, x, new Map([[1, 10]]))).toBeUndefined()
  })
})
