/** How images of any size become images of one size. */
import type { FromSchema, JSONSchema } from 'json-schema-to-ts'

const side = { type: 'integer', minimum: 1, maximum: 8192 } as const

/** JSON Schema of `ImageSettings`, as suites and model cards have them. */
export const imageSettingsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    resize: {
      ...side,
      description: 'length of the shorter side after resizing; the proportions stay',
    },
    crop: { ...side, description: 'side of the central square that is kept, after resizing' },
    size: {
      type: 'array',
      items: side,
      minItems: 2,
      maxItems: 2,
      description: '[height, width] after resizing, whatever the proportions',
    },
    filter: {
      enum: ['bilinear', 'bicubic'],
      description: 'interpolation; default: bilinear, with antialiasing',
    },
    channels: {
      enum: [1, 3],
      description: '1: luminance, 3: red, green, blue; default: 1 if all images are gray, else 3',
    },
  },
  description: 'how images of any size become images of one size',
} as const satisfies JSONSchema

/**
 * Resizing and cropping, in this order, as torchvision's `Resize` and `CenterCrop` do. Without
 * either, all images must have the same size.
 */
export type ImageSettings = FromSchema<typeof imageSettingsSchema>

/** Decoded 8-bit pixels, `[height, width, channels]`. */
export interface Picture {
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3
  readonly data: Uint8Array
}
