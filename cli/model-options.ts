/** Options that describe one model, its data, and a threat model, for several commands. */
import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import { ConfigError } from '../core/base/errors.ts'
import type { DatasetReference } from '../core/data/dataset.ts'
import { norms } from '../core/threat/threat-model.ts'
import { isDataPath } from '../core/data/registry.ts'
import {
  boundsList,
  classNameList,
  imageSize,
  numberList,
  oneOf,
  pairOf,
  textList,
  wholeNumber,
} from './arguments.ts'

/** The values of the options that `addDataOptions` adds. */
export interface DataOptions {
  readonly data?: string
  readonly inputs?: string
  readonly labels?: string
  readonly bounds?: number[]
  readonly classNames?: string[]
  readonly columns?: string[]
  readonly resize?: number
  readonly crop?: number
  readonly size?: number[]
  readonly target?: string
  readonly epsilon?: string
  readonly box?: string[]
}

/** Axis orders of an input. */
const layouts = ['NCHW', 'NHWC']

/** Adds the options that name the data. */
export function addDataOptions(command: Command): void {
  command
    .optionsGroup('Data (--data, or --inputs and --labels):')
    .option(
      '--data <id or path>',
      'data set by id (robench list datasets), or your own: a folder of images with one ' +
        'directory for each class, .npz, .parquet, or a .json description',
    )
    .option('--inputs <file>', 'your images as .npy: float32 or uint8, [n, c, h, w]')
    .option('--labels <file>', 'your labels as .npy: integers, or one-hot')
    .option('--bounds <list>', 'range of the pixels (default: 0,1)', boundsList)
    .option('--resize <n>', 'resize images: length of the shorter side', wholeNumber(1))
    .option('--crop <n>', 'then keep the central square of this side', wholeNumber(1))
    .option('--size <height,width>', 'resize images to this size', imageSize)
    .option(
      '--columns <images,labels>',
      'names of the arrays or columns in --data',
      pairOf('image,label'),
    )
}

/** Adds the options that state the threat model. */
export function addThreatOptions(command: Command): void {
  command
    .optionsGroup('Threat model:')
    .addOption(
      new Option('--norm <norm>', 'norm of the perturbation (required unless --box is given)')
        .choices(norms)
        .argParser(oneOf('--norm', norms)),
    )
    .option(
      '--epsilon <size>',
      'maximum norm in input units, such as 8/255, or a .npy file with one for ' +
        'each image (required unless --box is given)',
    )
    .option(
      '--box <lower,upper>',
      'in place of --norm and --epsilon: two .npy files with the limits of each pixel',
      pairOf('lower.npy,upper.npy'),
    )
    .option(
      '--curve <list>',
      'further epsilons, such as 2/255,4/255, for a robustness curve',
      textList,
    )
    .option(
      '--target <class>',
      'targeted attacks: number or name of a class, next, least-likely, random, or a .npy file',
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
    .option('--output <name>', 'name of the output or inner tensor with the logits')
    .option('--class-names <list>', 'class names, or a file with one a line', classNameList)
}

/**
 * The data set that the options name, as a suite states it.
 * @param image resizing and cropping where no option states them
 * @throws ConfigError ROBENCH_CONFIG unless there is an id, a path, or a pair of files
 */
export function evalDataset(options: DataOptions, image?: object): DatasetReference {
  const { data, inputs, labels, bounds, columns, classNames } = options
  const settings = { ...givenFiles(options), ...(bounds && { bounds }) }
  // The schema of the suite checks settings and words; loading refuses those without effect.
  const stated = statedImage(options)
  const named = (place: object): DatasetReference =>
    ({
      ...place,
      ...settings,
      ...(stated && { image: stated }),
      ...(columns && { columns: { inputs: columns[0], labels: columns[1] } }),
    }) as unknown as DatasetReference
  if (data === undefined && inputs !== undefined && labels !== undefined) {
    return named({ inputs, labels, ...(classNames && { classNames }) })
  }
  if (data !== undefined && inputs === undefined && labels === undefined) {
    if (!isDataPath(data)) return named({ id: data })
    return named({ path: data, ...(classNames && { classNames }), ...(image && { image }) })
  }
  const given = Object.entries({ data, inputs, labels })
    .flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag} ${value}`]))
    .join(' ')
  throw new ConfigError(
    'ROBENCH_CONFIG',
    'expected either --data <id or path>, or both --inputs <file> and --labels <file>; ' +
      `got ${given || 'none of them'}`,
  )
}

/** Files that give limits or targets for each image. */
function givenFiles({ target, epsilon, box }: DataOptions): object {
  return {
    ...(epsilon?.endsWith('.npy') && { epsilons: epsilon }),
    ...(box && { box: { lower: box[0], upper: box[1] } }),
    ...(target?.endsWith('.npy') && { targets: target }),
  }
}

/** Resizing and cropping by the options. */
function statedImage({ resize, crop, size }: DataOptions): object | undefined {
  if (resize === undefined && crop === undefined && !size) return undefined
  return {
    ...(resize !== undefined && { resize }),
    ...(crop !== undefined && { crop }),
    ...(size && { size }),
  }
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
