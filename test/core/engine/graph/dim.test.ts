/** Symbolic sizes obey the laws of products, and broadcasting those of ONNX. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  broadcastShapes,
  divideDims,
  formatShape,
  knownSize,
  multiplyDims,
  type Dim,
} from '../../../../core/engine/graph/dim.ts'

const numbers = fc.integer({ min: 0, max: 12 })
const symbols = fc.constantFrom('n', 'm', 'height')
const dims: fc.Arbitrary<Dim> = fc.oneof(
  numbers,
  symbols,
  fc.tuple(numbers, symbols).map((parts) => multiplyDims(parts)),
)
const lists = fc.array(dims, { maxLength: 4 })

/** The value of a size for given symbols. */
function valueOf(dim: Dim): number {
  const sizes: Record<string, number> = { n: 5, m: 7, height: 3 }
  return String(dim)
    .split('*')
    .reduce((product, part) => product * (sizes[part] ?? Number(part)), 1)
}

describe('a product of sizes', () => {
  test('has the value of the product for any values of the symbols', () => {
    fc.assert(
      fc.property(lists, (list) => {
        expect(valueOf(multiplyDims(list))).toBe(list.map(valueOf).reduce((a, b) => a * b, 1))
      }),
    )
  })
  test('does not depend on order or grouping', () => {
    fc.assert(
      fc.property(lists, lists, (a, b) => {
        const whole = multiplyDims([...a, ...b])
        expect(multiplyDims([...b, ...a])).toBe(whole)
        expect(multiplyDims([multiplyDims(a), multiplyDims(b)])).toBe(whole)
      }),
    )
  })
  test('of nothing is 1, with 0 is 0, and is printed with its factor first', () => {
    expect(multiplyDims([])).toBe(1)
    expect(multiplyDims(['n', 0])).toBe(0)
    expect(multiplyDims([2, 'n', 3, 'm'])).toBe('6*m*n')
  })
})

describe('a quotient of sizes', () => {
  test('undoes a product', () => {
    fc.assert(
      fc.property(dims, dims, (a, b) => {
        fc.pre(valueOf(a) !== 0 && valueOf(b) !== 0)
        expect(divideDims(multiplyDims([a, b]), b)).toBe(a)
      }),
    )
  })
  test('is undefined if it is not an integer multiple', () => {
    expect(divideDims(7, 2)).toBeUndefined()
    expect(divideDims('3*n', 2)).toBeUndefined()
    expect(divideDims('n', 'm')).toBeUndefined()
    expect(divideDims(6, 'n')).toBeUndefined()
    expect(divideDims(6, 0)).toBeUndefined()
  })
})

describe('broadcasting', () => {
  const shapes = fc.array(fc.constantFrom<Dim>(1, 1, 3, 'n'), { maxLength: 4 })
  test('is commutative and idempotent, and [] and 1 change nothing', () => {
    fc.assert(
      fc.property(shapes, shapes, (a, b) => {
        expect(broadcastShapes(a, b)).toEqual(broadcastShapes(b, a))
        expect(broadcastShapes(a, a)).toEqual(a)
        expect(broadcastShapes(a, [])).toEqual(a)
        expect(
          broadcastShapes(
            a,
            a.map(() => 1),
          ),
        ).toEqual(a)
      }),
    )
  })
  test('is associative', () => {
    fc.assert(
      fc.property(shapes, shapes, shapes, (a, b, c) => {
        expect(broadcastShapes(broadcastShapes(a, b)!, c)).toEqual(
          broadcastShapes(a, broadcastShapes(b, c)!),
        )
      }),
    )
  })
  test('aligns at the end, and rejects different numbers', () => {
    expect(broadcastShapes([2, 1, 4], [3, 1])).toEqual([2, 3, 4])
    expect(broadcastShapes([2, 3], [2])).toBeUndefined()
    expect(broadcastShapes(['n', 1], [3])).toEqual(['n', 3])
  })
  test('of a symbol and a number is the number, because they must be equal', () => {
    expect(broadcastShapes(['n'], [4])).toEqual([4])
  })
})

test('a shape is printed in brackets', () => {
  expect(formatShape(['n', 3, '4*n'])).toBe('[n, 3, 4*n]')
})

test('the known size counts each symbol, with its factor, as 1', () => {
  expect(knownSize([2, 'n', 3, '49*n'])).toBe(6)
  expect(knownSize([])).toBe(1)
})
