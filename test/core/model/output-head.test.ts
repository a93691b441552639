/** The last operators of a file. */
import { expect, test } from 'vitest'
import { lastOperator, lastOperators } from '../../../core/model/output-head.ts'
import { node, onnxGraph } from '../../support/onnx-file.ts'

test('operators that only move values are passed over', () => {
  const graph = onnxGraph({
    nodes: [
      node('Relu', 'x', 'a'),
      node('Softmax', 'a', 'b'),
      node('Log', 'b', 'c'),
      node('Identity', 'c', 'y'),
    ],
    input: ['n', 3],
  })
  expect(lastOperator(graph)).toBe('LogSoftmax')
  expect(lastOperators(graph)).toEqual(['Relu', 'Softmax', 'Log'])
})

test('a cycle of them ends', () => {
  const graph = onnxGraph({
    nodes: [node('Identity', 'x', 'x'), node('Flatten', 'x', 'y')],
    input: ['n', 3],
  })
  expect(lastOperators(graph)).toEqual([])
})
