/** Options that describe one model, its data, and a threat model, for several commands. */
import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import { ConfigError } from '../core/base/errors.ts'
import type { DatasetReference } from '../core/data/dataset.ts'
import { norms } from '../core/threat/threat-model.ts'
import { numberList, oneOf, textList } from './arguments.ts'

/** The values of the options that `addDataOptions` adds. */
export interface DataOptions {
  readonly data?: string
  readonly inputs?: string
  readonly labels?: string
}

/** Axis orders of an input. */
const layouts = ['NCHW', 'NHWC']

/** Adds the options that name the data. */
export function addDataOptions(command: Command): void {
  command
    .optionsGroup('Data (--data, or --inputs and --labels):')
    .option('--data <id>', 'id of a data set (robench list datasets)')
    .option('--inputs <file>', 'your images as .npy: float32 or uint8, [n, c, h, w]')
    .option('--labels <file>', 'your labels as .npy: integers, [n]')
}

/** Adds the options that state the threat model. */
export function addThreatOptions(command: Command): void {
  command
    .optionsGroup('Threat model:')
    .addOption(
      new Option('--norm <norm>', 'norm of the perturbation (required)')
        .choices(norms)
        .argParser(oneOf('--norm', norms)),
    )
    .option('--epsilon <size>', 'maximum norm in input units, such as 8/255 (required)')
    .option(
      '--curve <list>',
      'further epsilons, such as 2/255,4/255, for a robustness curve',
      textList,
    )
    .option(
      '--transform <json>',
      'transform allowed besides the perturbation, such as ' +
        '{"kind":"attribute","ranges":{"rotation":[-10,10]}}',
      parseTransform,
    )
}

/** Adds the options that say how the model file is read. */
export function addModelOptions(command: Command): void {
  command
    .optionsGroup('Model input and output (default: as the file declares):')
    .option(
      '--mean <list>',
      'mean subtracted by the normalization, one number per channel',
      numberList,
    )
    .option('--std <list>', 'standard deviation divided by, one number per channel', numberList)
    .addOption(
      new Option('--layout <layout>', 'axis order of the input')
        .choices(layouts)
        .argParser(oneOf('--layout', layouts)),
    )
    .option('--bounds <list>', 'range of the input before normalization (default: 0,1)', numberList)
    .option('--output <name>', 'name of the output or inner tensor with the logits')
    .option('--class-names <list>', 'comma-separated class names', textList)
}

/**
 * The data set that the options of `addDataOptions` name, as a suite states it.
 * @throws ConfigError ROBENCH_CONFIG unless there is an id or a pair of files
 */
export function evalDataset({ data, inputs, labels }: DataOptions): DatasetReference {
  if (data !== undefined && inputs === undefined && labels === undefined) return { id: data }
  if (data === undefined && inputs !== undefined && labels !== undefined) return { inputs, labels }
  const given = Object.entries({ data, inputs, labels })
    .flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag} ${value}`]))
    .join(' ')
  throw new ConfigError(
    'ROBENCH_CONFIG',
    'expected either --data <id>, or both --inputs <file> and --labels <file>; ' +
      `got ${given || 'none of them'}`,
  )
}

function parseTransform(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new InvalidArgumentError(
      'Expected JSON, such as {"kind":"amplitude","mix":0.3,"scale":0.1}.',
    )
  }
}
