/** The manifest of an ONNX file: facts that the file does not contain. */
import type { JSONSchema } from 'json-schema-to-ts'
import { optionLimits } from '../base/option-limits.ts'
import type { ComponentTreatment } from './model.ts'

/** The manifest of a model file. */
export interface ModelManifest {
  /** The range of valid inputs, before normalization. */
  readonly bounds: readonly [low: number, high: number]
  /** The layout of the file. robench always uses NCHW. */
  readonly layout: 'NCHW' | 'NHWC'
  /**
   * Per-channel normalization (x − mean) / std to apply before the file. Omit it if the file
   * normalizes.
   */
  readonly mean?: readonly number[]
  readonly std?: readonly number[]
  readonly classNames?: readonly string[]
  /**
   * The tensor with the logits: an output or an inner tensor. Default: the only output, or the
   * only one with as many columns as the data has classes.
   */
  readonly output?: string
  /** In the order of the graph. */
  readonly components?: readonly ManifestComponent[]
}

/**
 * A part of the file that is not an ordinary layer: a restoration of the input, an estimate of its
 * gradient.
 */
export interface ManifestComponent {
  /** The name that attacks use. */
  readonly name: string
  /** The tensors of the file that enter and leave the component. */
  readonly input: string
  readonly output: string
  /** How the defense would have gradients pass. Not the default: adaptive attacks opt in. */
  readonly backward: ComponentTreatment
}

/** JSON Schema of `components`. */
export const componentsSchema = {
  type: 'array',
  maxItems: 1000,
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['name', 'input', 'output', 'backward'],
    properties: {
      name: { type: 'string', minLength: 1, maxLength: optionLimits.name },
      input: { type: 'string', maxLength: optionLimits.name, description: 'a tensor of the file' },
      output: { type: 'string', maxLength: optionLimits.name, description: 'a tensor of the file' },
      backward: { enum: ['exact', 'identity', 'constant', 'removed'] },
    },
  },
  description:
    'parts of the file that adaptive attacks treat separately, such as a restoration of the input',
} as const satisfies JSONSchema

/** Inputs in [0, 1], NCHW, normalization inside the file: the form that robench exports. */
export const plainManifest: ModelManifest = { bounds: [0, 1], layout: 'NCHW' }
