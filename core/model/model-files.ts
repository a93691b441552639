/** Model files: an .onnx file and a card next to it with its manifest and how it was made. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError, RobenchError } from '../base/errors.ts'
import { hashBytes } from '../base/hash.ts'
import { plainManifest, componentsSchema } from './manifest.ts'
import type { ModelManifest } from './manifest.ts'
import { compileSchema, refuseProblems } from '../base/schema.ts'
import { readOnnxFile } from '../engine/onnx/external-data.ts'
import { parseJsonText } from '../base/json-file.ts'
import { readText } from '../base/read-file.ts'
import { writeFileAtomic } from '../base/atomic-file.ts'

/** The card of a model: `<file>.json`. Additional keys are allowed. */
export interface ModelCard {
  readonly sha256: string
  readonly manifest: ModelManifest
  readonly training?: Readonly<Record<string, unknown>>
  /** How images of any size become those that the model expects. */
  readonly image?: Readonly<Record<string, unknown>>
}

/** A model file in memory, with the weights that it keeps in other files. */
export interface ModelFile {
  readonly path: string
  readonly bytes: Uint8Array
  readonly card: ModelCard
}

const channels = { type: 'array', items: { type: 'number' }, minItems: 1 } as const

const cardSchema = {
  type: 'object',
  properties: {
    sha256: { type: 'string', pattern: '^[0-9a-f]{64}$', description: '64 hexadecimal digits' },
    manifest: {
      type: 'object',
      additionalProperties: false,
      required: ['bounds', 'layout'],
      properties: {
        bounds: { type: 'array', items: { type: 'number' }, minItems: 2, maxItems: 2 },
        layout: { enum: ['NCHW', 'NHWC'] },
        mean: channels,
        std: channels,
        classNames: { type: 'array', items: { type: 'string' } },
        output: { type: 'string' },
        components: componentsSchema,
      },
    },
    training: { type: 'object' },
    image: { type: 'object' },
  },
} as const

/** The path of a model's card. */
export function cardPath(modelPath: string): string {
  return `${modelPath}.json`
}

/**
 * Reads a model and its card. Without a card, it is read in the form that robench exports. Weights
 * in files beside the model are part of the bytes and of their hash.
 * @param where the place that names the file, for errors: `suites/a.json#/defenses/0/model`
 * @param advice for a missing file
 * @throws ConfigError ROBENCH_MODEL_FILE if it is missing or does not match its card; errors of
 *   `readOnnxFile`
 */
export async function readModelFile(
  path: string,
  where: string,
  advice = 'check the path',
): Promise<ModelFile> {
  if (!existsSync(path)) {
    throw new ConfigError('ROBENCH_MODEL_FILE', `${where}: ${path} does not exist; ${advice}`)
  }
  const bytes = await readOnnxFile(path).catch((error: unknown) => {
    throw atPlace(where, error)
  })
  const sha256 = hashBytes(bytes)
  const card = readCard(cardPath(path))
  if (card?.sha256 !== undefined && card.sha256 !== sha256) {
    throw new ConfigError(
      'ROBENCH_MODEL_FILE',
      `${where}: ${path} has sha256 ${sha256}, its card ${cardPath(path)} says ${card.sha256}; ` +
        'the file is damaged or was replaced: download it again, or write a new card',
    )
  }
  return { path, bytes, card: { ...card, sha256, manifest: card?.manifest ?? plainManifest } }
}

/** Puts the place that names a file before the message of an error about it. */
function atPlace(where: string, error: unknown): unknown {
  if (!(error instanceof RobenchError)) return error
  return new ConfigError(error.code, `${where}: ${error.message}`, { cause: error })
}

/** Writes a model and its card, the card last: a model with a card is complete. */
export async function writeModelFile(
  path: string,
  bytes: Uint8Array,
  card: ModelCard,
): Promise<void> {
  await writeFileAtomic(path, bytes)
  await writeFileAtomic(cardPath(path), `${JSON.stringify(card, undefined, 2)}\n`)
}

/** The path of the model in a cache directory. */
export function cachedModelPath(folder: string): string {
  return join(folder, 'model.onnx')
}

/** The model in a cache directory, if it is complete and undamaged. */
export async function readCachedModel(folder: string): Promise<ModelFile | undefined> {
  const path = cachedModelPath(folder)
  if (!existsSync(path) || !existsSync(cardPath(path))) return undefined
  // A damaged cache entry is rebuilt without an error.
  return readModelFile(path, folder).catch(() => undefined)
}

function readCard(path: string): Partial<ModelCard> | undefined {
  if (!existsSync(path)) return undefined
  const limits = { code: 'ROBENCH_MODEL_FILE', mostBytes: 2 ** 24 } as const
  const { value, problems } = compileSchema(cardSchema)(parseJsonText(readText(path, limits), path))
  refuseProblems(problems, `${path}#`, 'ROBENCH_MODEL_FILE')
  // The schema has just been checked.
  return value as Partial<ModelCard>
}
