/** Bring your own model: any ONNX classifier, with a manifest of what the file does not say. */
import { readFile } from 'node:fs/promises'
import {
  componentsSchema,
  ConfigError,
  defineDefense,
  plainManifest,
} from '../../../core/api/plugin.ts'

const numbers = { type: 'array', items: { type: 'number' }, minItems: 1, maxItems: 16 } as const

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['file'],
  properties: {
    file: { type: 'string', description: 'The .onnx file, relative to the suite.' },
    bounds: {
      type: 'array',
      items: { type: 'number' },
      minItems: 2,
      maxItems: 2,
      default: [0, 1],
      description: 'Range of the pixels before normalization.',
    },
    layout: {
      enum: ['NCHW', 'NHWC'],
      default: 'NCHW',
      description: 'Layout that the file expects.',
    },
    mean: {
      ...numbers,
      description:
        'Per channel, in the units of the pixels; leave out if the file normalizes by itself.',
    },
    std: { ...numbers, description: 'Per channel; leave out if the file normalizes by itself.' },
    classNames: { type: 'array', items: { type: 'string' }, minItems: 2 },
    output: { type: 'string', description: 'Which output holds the logits; default the first.' },
    components: componentsSchema,
  },
} as const

/** Puts a file under test as it is. */
export const onnxModel = defineDefense({
  meta: {
    id: 'onnx-model',
    apiVersion: 1,
    version: 1,
    title: 'ONNX model from a file',
    provenance: 'own',
    trains: false,
    optionsSchema,
    optionRoles: { file: 'path' },
  },
  async prepare({ options, resolvePath }) {
    const { file, bounds, std, ...manifest } = options
    const [low = 0, high = 1] = bounds
    if (!(low < high))
      throw new ConfigError(
        'ROBENCH_CONFIG',
        `bounds: expected a lower and a higher number, got [${low}, ${high}]`,
      )
    if (std?.some((value) => value <= 0))
      throw new ConfigError(
        'ROBENCH_CONFIG',
        `std: expected positive numbers, got [${std.join(', ')}]`,
      )
    const path = resolvePath(file)
    let model: Uint8Array
    try {
      model = await readFile(path)
    } catch (cause) {
      throw new ConfigError(
        'ROBENCH_CONFIG',
        `${path}: cannot be read (${cause instanceof Error ? cause.message : String(cause)}); give the path of an .onnx file`,
        { cause },
      )
    }
    return {
      model,
      manifest: { ...plainManifest, ...manifest, ...(std && { std }), bounds: [low, high] },
    }
  },
})
