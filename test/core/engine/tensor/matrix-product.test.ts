/** Products in WebAssembly are those of plain loops, bit for bit. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { randomStream } from '../../../../core/base/random.ts'
import { matrixProducts, type Matrix } from '../../../../core/engine/tensor/matrix-product.ts'

const stream = randomStream('matrix product')

function fill({ rows, columns, stride, values }: Matrix): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) values[i * stride + j] = stream.normal()
  }
}

function component(a: Matrix, b: Matrix, i: number, j: number): number {
  let sum = 0
  for (let k = 0; k < a.columns; k++) {
    sum += a.values[i * a.stride + k]! * b.values[k * b.stride + j]!
  }
  return sum
}

const side = fc.integer({ min: 1, max: 20 })

test('of matrices of any shape', () => {
  fc.assert(
    fc.property(side, side, side, (m, k, n) => {
      const { matrices, multiply } = matrixProducts({ a: [m, k], b: [k, n], c: [m, n] })
      const { a, b, c } = matrices
      fill(a)
      fill(b)
      multiply('a', 'b', 'c')
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) expect(c.values[i * c.stride + j]).toBe(component(a, b, i, j))
      }
    }),
    { numRuns: 60 },
  )
})

test('several in one memory do not touch each other, and a result may be a factor', () => {
  const { matrices, multiply } = matrixProducts({
    a: [5, 7],
    b: [7, 3],
    c: [5, 3],
    d: [3, 200],
    e: [5, 200],
  })
  for (const name of ['a', 'b', 'd'] as const) fill(matrices[name])
  const before = matrices.d.values.slice()
  multiply('a', 'b', 'c')
  multiply('c', 'd', 'e')
  expect(matrices.d.values).toEqual(before)
  const { c, d, e } = matrices
  expect(e.values[4 * e.stride + 199]).toBe(component(c, d, 4, 199))
})

test('an empty sum is zero', () => {
  const { matrices, multiply } = matrixProducts({ a: [2, 0], b: [0, 3], c: [2, 3] })
  matrices.c.values.fill(1)
  multiply('a', 'b', 'c')
  expect([...matrices.c.values.subarray(0, 3)]).toEqual([0, 0, 0])
})
