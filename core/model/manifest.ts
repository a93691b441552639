/** How an ONNX file is to be read: what the file itself does not say. */
import type { JSONSchema } from 'json-schema-to-ts'
import type { ComponentTreatment } from './model.ts'

export interface ModelManifest {
  /** Range of the inputs that the attacker may move in, before normalization. */
  readonly bounds: readonly [low: number, high: number]
  /** Layout that the file expects; robench always hands out NCHW. */
  readonly layout: 'NCHW' | 'NHWC'
  /** Normalization to put before the file, per channel: (x − mean) / std. Leave out if the file does it itself. */
  readonly mean?: readonly number[]
  readonly std?: readonly number[]
  readonly classNames?: readonly string[]
  /** Which graph output holds the logits; the first if left out. */
  readonly output?: string
  /** In the order of the graph. */
  readonly components?: readonly ManifestComponent[]
}

/** A part of the file that is more than ordinary layers: a restoration of the input, an estimate of its gradient. */
export interface ManifestComponent {
  /** What attacks call it. */
  readonly name: string
  /** The tensors of the file that go in and come out. */
  readonly input: string
  readonly output: string
  /** How the defense itself would have gradients pass. Not the default: attacks that adapt ask for it. */
  readonly backward: ComponentTreatment
}

/** JSON Schema of `components`. */
export const componentsSchema = {
  type: 'array',
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['name', 'input', 'output', 'backward'],
    properties: {
      name: { type: 'string', minLength: 1 },
      input: { type: 'string', description: 'a tensor of the file' },
      output: { type: 'string', description: 'a tensor of the file' },
      backward: { enum: ['exact', 'identity', 'constant', 'removed'] },
    },
  },
  description:
    'parts of the file that adaptive attacks treat apart, such as a restoration of the input',
} as const satisfies JSONSchema

/** Inputs in [0, 1], NCHW, everything else inside the file: what robench itself exports. */
export const plainManifest: ModelManifest = { bounds: [0, 1], layout: 'NCHW' }
