/** The fit of model and examples: what is checked, in which order, with which message. */
import { expect, test } from 'vitest'
import type { ExampleFacts } from '../../../core/data/model-fit.ts'
import {
  describeExamples,
  requireClassOrder,
  requireModelFit,
} from '../../../core/data/model-fit.ts'
import { countClasses, memoryDataset } from '../../../core/data/memory-dataset.ts'

const model = { inputShape: [3, 2, 2], classes: 4, bounds: [0, 1] } as const
const facts: ExampleFacts = {
  name: 'data set "tiny"',
  shape: [3, 2, 2],
  labels: Int32Array.of(0, 3),
  classes: 4,
  likelyClasses: 4,
  bounds: [0, 1],
}

test('a model that fits gets the bounds of the examples, or its own if they have none', () => {
  expect(requireModelFit(facts, model, 'm')).toEqual([0, 1])
  const own = { ...model, bounds: [-1, 1] } as const
  expect(requireModelFit({ ...facts, bounds: undefined }, own, 'm')).toEqual([-1, 1])
  expect(requireModelFit({ ...facts, classes: undefined }, model, 'm')).toEqual([0, 1])
})

test('each mismatch has its message', () => {
  const message = (changes: Partial<ExampleFacts>): string => {
    try {
      requireModelFit({ ...facts, ...changes }, model, 'm.onnx')
      return 'fits'
    } catch (error) {
      return String(error)
    }
  }
  expect([
    message({ shape: [2, 2, 3] }),
    message({ classes: 10 }),
    message({ classes: undefined, labels: Int32Array.of(0, 7) }),
    message({ classes: undefined, labels: Int32Array.of(1, 4) }),
    message({ bounds: [-1, 1] }),
  ]).toEqual([
    'ConfigError: m.onnx: expected images [3, 2, 2] (channels, height, width), got [2, 2, 3] ' +
      'from data set "tiny"; if only the order differs, set layout to NCHW or NHWC',
    'ConfigError: m.onnx: 4 classes, but data set "tiny" has 10; if the data has only some ' +
      'classes of the model, name all of them in its order (--class-names)',
    'ConfigError: m.onnx: label 7 of example 1 of data set "tiny" is not a class of the model, ' +
      'which has 4 (0 to 3)',
    'ConfigError: m.onnx: the labels of data set "tiny" run from 1 to 4, but the classes of the ' +
      'model from 0 to 3; if the labels count from 1, save y - 1',
    'ConfigError: m.onnx: the model\'s inputs are in [0, 1], those of data set "tiny" in [-1, 1]; ' +
      'set bounds to those of the data, and express the change of scale as mean and std',
  ])
})

test('a .npy pair is named by its title, and need not contain every class', () => {
  const labels = Int32Array.of(0, 2)
  const pixels = new Uint8Array(2)
  const parts = { title: 'mine', split: 'test', toy: false, shape: [1, 1, 1], pixels } as const
  const classNames = ['a', 'b', 'c']
  const own = { ...parts, id: 'npy', labels, classNames, namesClasses: false }
  const npy = memoryDataset(own)
  const tiny = memoryDataset({ ...parts, id: 'tiny', labels, classNames })
  const shared = { shape: [1, 1, 1], labels, likelyClasses: 3, bounds: [0, 1] }
  expect(describeExamples(npy)).toEqual({ ...shared, name: 'mine', classes: undefined })
  expect(describeExamples(tiny)).toEqual({ ...shared, name: 'data set "tiny"', classes: 3 })
  expect(countClasses(labels)).toBe(3)
  expect(countClasses(new Int32Array(0))).toBe(1)
})

test('the same class names in another order are refused, other names are not', () => {
  expect(() => requireClassOrder(['bar', 'disc'], ['disc', 'bar'], 'm.onnx')).toThrow(
    'm.onnx: class 0 is "disc" for the model, but "bar" in the data; ' +
      "state the classes in the model's order (--class-names)",
  )
  expect(() => requireClassOrder(['disc', 'bar'], ['disc', 'bar'], 'm.onnx')).not.toThrow()
  expect(() => requireClassOrder(['0', '1'], ['disc', 'bar'], 'm.onnx')).not.toThrow()
  expect(() => requireClassOrder(['0', '1'], undefined, 'm.onnx')).not.toThrow()
})
