/** The options that say how an ONNX file reads its input and which tensor holds its logits. */
import { InvalidArgumentError, type Command } from 'commander'
import { ConfigError, RobenchError } from '../core/base/errors.ts'
import type { ModelManifest } from '../core/model/manifest.ts'
import { checkManifest } from '../core/api/program/open-model.ts'
import type { LoadModelOptions } from '../core/model/load.ts'
import { readModelFile } from '../core/model/model-files.ts'
import { boundsList } from './arguments.ts'
import { addModelOptions } from './model-options.ts'

/** The values of the options that `addReadingOptions` adds. */
export interface ReadingOptions {
  readonly mean?: number[]
  readonly std?: number[]
  readonly layout?: ModelManifest['layout']
  readonly bounds?: number[]
  readonly output?: string
  readonly classNames?: string[]
}

/** Adds the options. */
export function addReadingOptions(command: Command): Command {
  addModelOptions(command)
  return command.option(
    '--bounds <list>',
    'range of the input before normalization (default: 0,1)',
    boundsList,
  )
}

/** The given options, by their name in a manifest. */
export function readingOptions(options: ReadingOptions): Readonly<Record<string, unknown>> {
  const { bounds, layout, mean, std, output, classNames } = options
  return Object.fromEntries(
    Object.entries({ bounds, layout, mean, std, output, classNames }).filter(
      ([, value]) => value !== undefined,
    ),
  )
}

/**
 * Work on a model whose errors about its normalization name the options, not the manifest that is
 * made of them.
 * @throws what the work throws
 */
export async function namingOptions<Value>(
  { mean, std }: Pick<ReadingOptions, 'mean' | 'std'>,
  work: () => Promise<Value>,
): Promise<Value> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof RobenchError) || (!mean && !std)) throw error
    const { code, message, details } = error
    const named = message.replace(/^(?:.*: )?manifest: (mean|std) has/, '--$1 has')
    throw new RobenchError(code, named, { details, cause: error })
  }
}

/** @throws ConfigError for one half of a normalization */
export function requireBothHalves({ mean, std }: Pick<ReadingOptions, 'mean' | 'std'>): void {
  if ((mean === undefined) === (std === undefined)) return
  const [missing, given] = mean ? ['--std', '--mean'] : ['--mean', '--std']
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${missing}: missing, but ${given} is set; a normalization needs both (0 and 1 change nothing)`,
  )
}

/** The values of `addReadingOptions` and of `--shape`. */
export interface FileOptions extends ReadingOptions {
  readonly shape?: readonly [number, number, number]
}

/** Adds the options to a command that reads a file without a data set. */
export function addFileOptions(command: Command): Command {
  return addReadingOptions(command).option(
    '--shape <c,h,w>',
    'channels, height, width of an image, where the file leaves them open',
    imageShape,
  )
}

/** A file to load, and how. */
export interface FileToLoad {
  readonly bytes: Uint8Array
  readonly manifest: ModelManifest
  readonly load: LoadModelOptions
}

/**
 * Reads a file. Options replace what its card says.
 * @throws ConfigError ROBENCH_MODEL_FILE, ROBENCH_CONFIG
 */
export async function readFileToLoad(path: string, options: FileOptions): Promise<FileToLoad> {
  const { bytes, card } = await readModelFile(path, 'model')
  const manifest = checkManifest({ ...card.manifest, ...readingOptions(options) }, '--')
  const load = { name: path, ...(options.shape && { inputShape: options.shape }) }
  return { bytes, manifest, load }
}

function imageShape(text: string): readonly [number, number, number] {
  const [c = 0, h = 0, w = 0, ...more] = text.split(',').map(Number)
  const sizes = [c, h, w] as const
  if (more.length === 0 && sizes.every((size) => Number.isSafeInteger(size) && size > 0)) {
    return sizes
  }
  throw new InvalidArgumentError('Expected three sizes, such as 3,32,32.')
}
