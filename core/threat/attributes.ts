/** Natural attributes of an image that an attacker may change, their units and neutral values. */

/** What leaves the image as it is, and what the value means. */
export interface Attribute {
  readonly neutral: number
  readonly unit: string
}

/** In the order in which they are applied. */
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

export type AttributeName = keyof typeof attributes

// The keys are those of the table.
export const attributeNames = Object.keys(attributes) as AttributeName[]
