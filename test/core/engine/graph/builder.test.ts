/** Invalid expressions are rejected when they are built, with operator and name. */
import { describe, expect, test } from 'vitest'
import { g } from '../../../../core/engine/graph/graph.ts'
import { constantShape } from '../../../../core/engine/graph/builder.ts'

const x = g.input('x', 'float32', ['n', 3, 8, 8])
const matrix = g.input('m', 'float32', ['n', 6])

test('a kernel of one tap supports axes of unknown size', () => {
  const open = g.input('x', 'float32', ['n', 3, 1, '4*n'])
  expect(g.conv(open, g.floats([1, 3, 1, 1], [1, 1, 1])).shape).toEqual(['n', 1, 1, '4*n'])
})

describe('rejects', () => {
  test('an unknown operator, with a suggestion', () => {
    expect(() => g.op('Softmx', [matrix], {}, 'head')).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: Softmx "head": unknown operator; did you mean "Softmax"?]`,
    )
    expect(() => g.op('Scan', [matrix])).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: Scan: unknown operator]`,
    )
  })
  test('an unknown attribute', () => {
    expect(() => g.op('Softmax', [matrix], { axes: 1 }, 'head')).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: Softmax "head": unknown attribute "axes" (known: axis)]`,
    )
    expect(() => g.op('Relu', [matrix], { alpha: 1 })).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: Relu: unknown attribute "alpha" (known: none)]`,
    )
  })
  test('a missing attribute and a missing input', () => {
    expect(() => g.op('Cast', [matrix])).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: Cast: attribute "to" is missing]`,
    )
    expect(() => g.op('Concat', [matrix])).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: Concat: attribute "axis" is missing]`,
    )
    expect(() => g.op('Add', [matrix])).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: Add: input 1 is missing]`,
    )
  })
  test('shapes that cannot be broadcast', () => {
    expect(() => g.add(matrix, g.floats([5], [1, 2, 3, 4, 5]))).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: Add: cannot broadcast [n, 6] and [5]]`,
    )
  })
  test('operands of different types', () => {
    expect(() => g.add(matrix, g.input('i', 'int64', ['n', 6]))).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: Add: operands must have one type, got float32 and int64]`,
    )
  })
  test('a kernel with other channels or larger than the image', () => {
    expect(() => g.conv(x, g.floats([1, 2, 1, 1], [1, 1]))).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: Conv: an input of [n, 3, 8, 8] has 3 channels, but the kernel [1, 2, 1, 1] in 1 group(s) expects 2]`,
    )
    expect(() =>
      g.op('MaxPool', [x], { kernel_shape: [9, 9] }, 'pool'),
    ).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: MaxPool "pool": a kernel of 9 does not fit into 8]`,
    )
  })
  test('a convolution over axes of unknown size', () => {
    const open = g.input('x', 'float32', ['n', 3, 'h', 'w'])
    expect(() =>
      g.conv(open, g.floats([1, 3, 1, 2], [1, 1, 1, 1, 1, 1])),
    ).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: Conv: needs sizes known before the run, got [n, 3, h, w]; export the model with a fixed image size]`,
    )
  })
  test('matrices with different inner sizes', () => {
    expect(() =>
      g.matMul(matrix, g.floats([5, 1], [1, 2, 3, 4, 5])),
    ).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: MatMul: cannot multiply shapes [n, 6] and [5, 1]]`,
    )
    expect(() =>
      g.gemm(matrix, g.floats([5, 1], [1, 2, 3, 4, 5]), null),
    ).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: Gemm: inner sizes differ: [n, 6] and [5, 1]]`,
    )
    expect(() => g.gemm(x, matrix, null)).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: Gemm: needs two matrices, got [n, 3, 8, 8] and [n, 6]]`,
    )
  })
  test('a reshape to another number of elements', () => {
    expect(() =>
      g.reshape(g.floats([6], [1, 2, 3, 4, 5, 6]), [4, -1]),
    ).toThrowErrorMatchingInlineSnapshot(`[GraphError: Reshape: [6] cannot be reshaped to [4, -1]]`)
  })
  test('an axis out of range', () => {
    expect(() => g.softmax(matrix, 2)).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: Softmax: axis 2 is out of range for rank 2]`,
    )
    expect(() => g.reduceSum(matrix, [-3])).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: ReduceSum: axis -3 is out of range for rank 2]`,
    )
  })
  test('a slice or concatenation along an axis of unknown size', () => {
    expect(() => g.slice(matrix, [1], [3], [0])).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: Slice: axis 0 of [n, 6] must have a size known before the run]`,
    )
    expect(() => g.concat([matrix, matrix], 0)).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: Concat: axis 0 must have sizes known before the run]`,
    )
  })
  test('a concatenation of inputs that differ on another axis', () => {
    expect(() =>
      g.concat([g.floats([1, 2], [1, 2]), g.floats([2, 2], [1, 2, 3, 4])], 1),
    ).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: Concat: cannot concatenate [1, 2] and [2, 2] along axis 1]`,
    )
  })
  test('a permutation without one axis', () => {
    expect(() => g.transpose(matrix, [0, 0])).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: Transpose: perm [0, 0] is not a permutation of the axes of [n, 6]]`,
    )
  })
})

describe('a number as an operand', () => {
  test('has the type of the other operand', () => {
    expect(g.mul(g.input('i', 'int64', ['n']), 2).dtype).toBe('int64')
    expect(g.sub(1, matrix).dtype).toBe('float32')
  })
})

describe('shapes follow the batch', () => {
  test('through flatten, reshape and reduction', () => {
    expect(g.op('Flatten', [x])[0]!.shape).toEqual(['n', 192])
    expect(g.reshape(x, [-1, 64]).shape).toEqual(['3*n', 64])
    expect(g.reshape(g.reshape(x, [-1, 64]), [-1, 192]).shape).toEqual(['n', 192])
    expect(g.reduceMean(x, [1, 2, 3]).shape).toEqual(['n'])
    expect(g.reduceSum(x, [0], true).shape).toEqual([1, 3, 8, 8])
  })
})

test('Reshape gets a constant shape for one symbolic size, but not for two or a zero', () => {
  expect(constantShape(['n', 3])).toEqual([-1, 3])
  expect(constantShape(['n', 'm'])).toBeUndefined()
  expect(constantShape(['n', 0])).toBeUndefined()
})
