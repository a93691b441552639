/** Whether a model fits the examples that it is evaluated on. */
import { ConfigError } from '../base/errors.ts'
import type { Model } from '../model/model.ts'
import type { Dataset } from './dataset.ts'

/** What a model must fit. */
export interface ExampleFacts extends Pick<Dataset, 'shape' | 'labels'> {
  /** Name in messages. */
  readonly name: string
  /** Number of classes of a data set; of arrays, the highest label plus 1. */
  readonly classes: number
  /** True for a data set by id: the model must have the same number of classes. */
  readonly published: boolean
  /** Range of the inputs. Undefined for float arrays, whose range is that of the model. */
  readonly bounds: readonly [low: number, high: number] | undefined
}

/** The facts of a data set. Labels of a .npy pair need not contain every class. */
export function describeExamples(dataset: Dataset): ExampleFacts {
  const { id, title, classNames, shape, labels, bounds } = dataset
  const published = id !== 'npy'
  const name = published ? `data set "${id}"` : title
  return { name, published, classes: classNames.length, shape, labels, bounds }
}

/**
 * Checks that a model fits the examples.
 * @param modelName name in messages
 * @returns the bounds of the examples
 * @throws ConfigError ROBENCH_MODEL_FILE if shape, classes or bounds differ
 */
export function requireModelFit(
  examples: ExampleFacts,
  model: Pick<Model, 'inputShape' | 'classes' | 'bounds'>,
  modelName: string,
): readonly [low: number, high: number] {
  const { name, shape, labels, classes, published, bounds = model.bounds } = examples
  if (model.inputShape.join() !== shape.join()) {
    throw misfit(
      `${modelName}: expected images [${model.inputShape.join(', ')}] (channels, height, width), ` +
        `got [${shape.join(', ')}] from ${name}; ` +
        'if only the order differs, set layout to NCHW or NHWC',
    )
  }
  if (published && model.classes !== classes) {
    throw misfit(`${modelName}: ${model.classes} classes, but ${name} has ${classes}`)
  }
  const row = labels.findIndex((label) => label >= model.classes)
  if (row >= 0) {
    throw misfit(
      `${modelName}: label ${labels[row]} of example ${row} of ${name} ` +
        `is not a class of the model, which has ${model.classes} (0 to ${model.classes - 1})`,
    )
  }
  if (model.bounds.join() !== bounds.join()) {
    throw misfit(
      `${modelName}: the model's inputs are in [${model.bounds.join(', ')}], those of ${name} in ` +
        `[${bounds.join(', ')}]; set bounds to those of the data, ` +
        'and express the change of scale as mean and std',
    )
  }
  return bounds
}

function misfit(message: string): ConfigError {
  return new ConfigError('ROBENCH_MODEL_FILE', message)
}
