/** Loads any ONNX classifier, with options for the properties that the file does not contain. */
import {
  componentsSchema,
  ConfigError,
  defineDefense,
  plainManifest,
  readOnnxFile,
  RobenchError,
  optionLimits,
} from '../../../core/api/plugin.ts'
import { trainingRecord } from './training-record.ts'

const numbers = {
  type: 'array',
  items: { type: 'number', minimum: -optionLimits.size, maximum: optionLimits.size },
  minItems: 1,
  maxItems: 16,
} as const

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['file'],
  properties: {
    file: {
      type: 'string',
      maxLength: optionLimits.path,
      description: 'path of the .onnx file, relative to the suite',
    },
    bounds: {
      type: 'array',
      items: { type: 'number', minimum: -optionLimits.size, maximum: optionLimits.size },
      minItems: 2,
      maxItems: 2,
      default: [0, 1],
      description: 'range of pixel values before normalization, [low, high]',
    },
    layout: {
      enum: ['NCHW', 'NHWC'],
      default: 'NCHW',
      description: 'input layout of the file',
    },
    mean: {
      ...numbers,
      description:
        'mean per channel in pixel units, subtracted before the model; omit if the file ' +
        'normalizes its input',
    },
    std: {
      ...numbers,
      description:
        'standard deviation per channel in pixel units, above 0; omit if the file normalizes its ' +
        'input',
    },
    classNames: {
      type: 'array',
      items: { type: 'string', maxLength: optionLimits.name },
      minItems: 2,
      maxItems: optionLimits.classes,
      description: 'name of each class, in the order of the logits',
    },
    output: {
      type: 'string',
      maxLength: optionLimits.name,
      description:
        'name of the output or inner tensor that holds the logits; default: the only output, or ' +
        'the only one with as many columns as the data has classes',
    },
    components: componentsSchema,
  },
} as const

/** Evaluates a model file without changing it. */
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
        `option bounds: expected [low, high] with low below high, got [${low}, ${high}]`,
      )
    if ((manifest.mean === undefined) !== (std === undefined))
      throw new ConfigError(
        'ROBENCH_CONFIG',
        `option ${std ? 'mean' : 'std'}: missing, but ${std ? 'std' : 'mean'} is set; ` +
          'a normalization needs both (0 and 1 change nothing)',
      )
    if (std?.some((value) => value <= 0))
      throw new ConfigError(
        'ROBENCH_CONFIG',
        `option std: expected positive numbers, got [${std.join(', ')}]`,
      )
    const path = resolvePath(file)
    let model: Uint8Array
    try {
      model = await readOnnxFile(path)
    } catch (cause) {
      if (cause instanceof RobenchError) throw cause
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new ConfigError(
        'ROBENCH_CONFIG',
        `option file: cannot read ${path} (${reason}); expected the path of an .onnx file`,
        { cause },
      )
    }
    const training = await trainingRecord(path, model)
    return {
      model,
      manifest: { ...plainManifest, ...manifest, ...(std && { std }), bounds: [low, high] },
      ...(training && { training }),
    }
  },
})
