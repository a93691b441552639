/** Whether a model fits the examples that it is evaluated on. */
import { ConfigError } from '../base/errors.ts'
import type { Model } from '../model/model.ts'
import { isPrivateData } from './dataset.ts'
import type { Dataset } from './dataset.ts'

/** What a model must fit. */
export interface ExampleFacts extends Pick<Dataset, 'shape' | 'labels'> {
  /** Name in messages. */
  readonly name: string
  /** Number of classes, if known: the model must have as many. */
  readonly classes: number | undefined
  /** `classes`, or else the highest label plus 1: a hint which output has the logits. */
  readonly likelyClasses: number
  /** Range of the inputs. Undefined for float arrays, whose range is that of the model. */
  readonly bounds: readonly [low: number, high: number] | undefined
}

/** The facts of a data set. Labels without class names need not contain every class. */
export function describeExamples(dataset: Dataset): ExampleFacts {
  const { id, title, classes, classNames, shape, labels, bounds } = dataset
  const name = isPrivateData(id) ? title : `data set "${id}"`
  return { name, classes, likelyClasses: classNames.length, shape, labels, bounds }
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
  const { name, shape, labels, classes, bounds = model.bounds } = examples
  if (model.inputShape.join() !== shape.join()) {
    throw misfit(
      `${modelName}: expected images [${model.inputShape.join(', ')}] (channels, height, width), ` +
        `got [${shape.join(', ')}] from ${name}; ` +
        'if only the order differs, set layout to NCHW or NHWC',
    )
  }
  if (classes !== undefined && model.classes !== classes) {
    throw misfit(
      `${modelName}: ${model.classes} classes, but ${name} has ${classes}; if the data has only ` +
        'some classes of the model, name all of them in its order (--class-names)',
    )
  }
  refuseLabelsFromOne(examples, model, modelName)
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

/**
 * Refuses class names that are the model's in another order, as directories have in alphabetical
 * order: then labels and logits do not stand for the same classes.
 * @param given names of the data's classes, in the order of the labels
 * @param known names in the model's card, in the order of the logits; absent if it has none
 * @throws ConfigError ROBENCH_MODEL_FILE
 */
export function requireClassOrder(
  given: readonly string[],
  known: readonly string[] | undefined,
  modelName: string,
): void {
  if (!known || given.join('\n') === known.join('\n')) return
  if (given.toSorted().join('\n') !== known.toSorted().join('\n')) return
  const row = given.findIndex((name, label) => name !== known[label])
  throw misfit(
    `${modelName}: class ${row} is "${known[row]}" for the model, but "${given[row]}" in the data; ` +
      "state the classes in the model's order (--class-names)",
  )
}

/** Labels from 1 to k, as MATLAB and some data sets count. */
function refuseLabelsFromOne(
  { name, labels }: ExampleFacts,
  { classes }: Pick<Model, 'classes'>,
  modelName: string,
): void {
  let [least, most] = [Infinity, -Infinity]
  for (const label of labels) {
    least = Math.min(least, label)
    most = Math.max(most, label)
  }
  if (least < 1 || most !== classes) return
  throw misfit(
    `${modelName}: the labels of ${name} run from ${least} to ${most}, but the classes of the ` +
      `model from 0 to ${classes - 1}; if the labels count from 1, save y - 1`,
  )
}

function misfit(message: string): ConfigError {
  return new ConfigError('ROBENCH_MODEL_FILE', message)
}
