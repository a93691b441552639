/** Descriptions of a data set of one's own: a JSON file with its files, checksums, and classes. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { FromSchema } from 'json-schema-to-ts'
import { ConfigError } from '../base/errors.ts'
import { sha256Schema } from '../base/hash.ts'
import { parseJsonText } from '../base/json-file.ts'
import { kindOf, readText } from '../base/read-file.ts'
import { compileSchema, refuseProblems } from '../base/schema.ts'
import { visibleText } from '../base/visible-text.ts'
import { imageSettingsSchema } from './images/settings.ts'
import { datasetIds } from './registry.ts'
import { requireRange } from './stated-range.ts'

const file = { type: 'string', minLength: 1 } as const

/** JSON Schema of a description. */
export const descriptionSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:robench:schema:dataset:1',
  title: 'robench data set',
  type: 'object',
  additionalProperties: false,
  required: ['id', 'title', 'files'],
  properties: {
    $schema: { type: 'string' },
    id: {
      type: 'string',
      pattern: '^[a-z0-9]+([._-][a-z0-9]+)*$',
      description: 'lowercase letters and digits, joined by ".", "_" or "-"',
    },
    title: { ...visibleText, maxLength: 300 },
    license: { type: 'string' },
    citation: { type: 'string' },
    homepage: { type: 'string', pattern: '^https?://', description: 'an http or https URL' },
    files: {
      type: 'object',
      minProperties: 1,
      additionalProperties: sha256Schema,
      description:
        'sha256 of each file; of a folder, the one that `robench data describe` prints. Paths are ' +
        'relative to the description',
    },
    inputs: { ...file, description: 'the .npy file of the images; without it, the only file' },
    labels: { ...file, description: 'the .npy file of the labels' },
    classNames: { type: 'array', items: { type: 'string' }, minItems: 2 },
    bounds: { type: 'array', items: { type: 'number' }, minItems: 2, maxItems: 2 },
    image: imageSettingsSchema,
    columns: {
      type: 'object',
      additionalProperties: false,
      properties: { inputs: file, labels: file },
    },
  },
} as const

/** A description. */
export type DatasetDescription = FromSchema<typeof descriptionSchema>

/**
 * Reads a description and verifies the files that it names.
 * @returns the description, with absolute paths
 * @throws ConfigError ROBENCH_DATA for a damaged file, a file without a checksum, or the id of a
 * published data set
 */
export async function readDescription(path: string): Promise<DatasetDescription> {
  const text = readText(path, { code: 'ROBENCH_DATA', mostBytes: 2 ** 24 })
  const { value, problems } = compileSchema(descriptionSchema)(parseJsonText(text, path))
  refuseProblems(problems, `${path}#`, 'ROBENCH_DATA')
  // The schema has just been checked.
  const description = value as DatasetDescription
  if (datasetIds.includes(description.id)) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${path}#/id: "${description.id}" is a built-in data set; choose another id`,
    )
  }
  if (description.bounds) requireRange(description.bounds, `${path}#/bounds`)
  const folder = dirname(path)
  for (const [name, sha256] of Object.entries(description.files)) {
    if (isAbsolute(name) || relative(folder, resolve(folder, name)).split(sep)[0] === '..') {
      throw new ConfigError(
        'ROBENCH_DATA',
        `${path}#/files: "${name}" is outside of the directory of the description`,
      )
    }
    const got = await hashOfPath(join(folder, name))
    if (got === sha256) continue
    throw new ConfigError(
      'ROBENCH_DATA',
      `${join(folder, name)}: expected sha256 ${sha256}, got ${got}: damaged or another file`,
    )
  }
  const { inputs, labels } = description
  for (const name of [inputs, labels]) {
    if (name === undefined || Object.hasOwn(description.files, name)) continue
    throw new ConfigError('ROBENCH_DATA', `${path}#/files: expected the checksum of ${name}`)
  }
  const only = Object.keys(description.files)
  if (inputs === undefined && only.length !== 1) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${path}: expected inputs and labels, or a single file, got ${only.length} files`,
    )
  }
  return {
    ...description,
    inputs: resolve(folder, inputs ?? only[0]!),
    ...(labels !== undefined && { labels: resolve(folder, labels) }),
  }
}

/**
 * sha256 of a file. Of a folder: of the sorted lines `<sha256>  <path>` of all its files, paths
 * relative to it with slashes, as `sha256sum` prints them.
 * @throws ConfigError ROBENCH_DATA if it does not exist
 */
export async function hashOfPath(path: string): Promise<string> {
  const entry = await stat(path).catch(() => undefined)
  if (!entry) throw new ConfigError('ROBENCH_DATA', `${path}: not found`)
  if (entry.isFile()) return hashOfFile(path)
  if (!entry.isDirectory()) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${path}: expected a file or a directory, got ${kindOf(entry)}`,
    )
  }
  const lines: string[] = []
  for (const name of await filesBelow(path)) {
    lines.push(`${await hashOfFile(join(path, ...name.split('/')))}  ${name}\n`)
  }
  return createHash('sha256').update(lines.join('')).digest('hex')
}

async function hashOfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

/**
 * Paths of all files below a folder, with slashes, sorted; hidden ones are left out.
 * @throws ConfigError ROBENCH_DATA for devices, pipes, and links that lead to no file
 */
async function filesBelow(folder: string): Promise<string[]> {
  const names: string[] = []
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name.startsWith('.')) continue
    const path = join(folder, entry.name)
    // A link to a directory could lead back to it.
    if (entry.isDirectory()) {
      for (const below of await filesBelow(path)) names.push(`${entry.name}/${below}`)
    } else if (await isFile(path)) names.push(entry.name)
    else throw new ConfigError('ROBENCH_DATA', `${path}: expected a file or a directory`)
  }
  return names.toSorted()
}

async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() === true
}
