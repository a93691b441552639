/** Natural attributes of images that an attacker may change, with units and neutral values. */

/** The value that leaves an image unchanged, and the meaning of values. */
export interface Attribute {
  readonly neutral: number
  readonly unit: string
}

/** All attributes, in the order in which they are applied. */
export const attributes = {
  rotation: { neutral: 0, unit: 'degrees, counter-clockwise' },
  scale: { neutral: 1, unit: 'factor about the center' },
  translationX: { neutral: 0, unit: 'pixels to the right' },
  translationY: { neutral: 0, unit: 'pixels down' },
  hue: { neutral: 0, unit: 'degrees' },
  saturation: { neutral: 1, unit: 'factor' },
  contrast: { neutral: 1, unit: "factor about the image's mean" },
  brightness: { neutral: 0, unit: 'added, in the units of the inputs' },
} as const satisfies Readonly<Record<string, Attribute>>

/** The name of an attribute. */
export type AttributeName = keyof typeof attributes

/** All names, in the order in which the attributes are applied. */
// The keys are those of the table.
export const attributeNames = Object.keys(attributes) as AttributeName[]
