/** How an ONNX file is to be read: what the file itself does not say. */

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
}

/** Inputs in [0, 1], NCHW, everything else inside the file: what robench itself exports. */
export const plainManifest: ModelManifest = { bounds: [0, 1], layout: 'NCHW' }
