/** A smoothed classifier as one ONNX file. */
import { g, toStochasticOnnx } from '../../../core/api/graph.ts'
import type { Value } from '../../../core/api/graph.ts'
import type { ManifestComponent } from '../../../core/api/plugin.ts'
import type { ProtectedBase } from '../protection/protected-base.ts'

/**
 * The component of a smoothed file from noisy images `[n, c, h, w]` to the logits of the base
 * classifier: what `robench certify` cuts out of it.
 */
export const smoothedComponent: ManifestComponent = {
  name: 'smoothed-classifier',
  input: 'noisy',
  output: 'base-logits',
  backward: 'exact',
}

/**
 * x to ln of the mean over m draws of softmax f(x + δ), δ ~ N(0, σ²I), which has the classes of
 * the mean as probabilities. Noisy images are not clipped.
 * @param sigma σ, in the units of the inputs
 * @param draws m; each costs a pass of the base classifier
 */
export function smoothedFile(
  { inputShape, apply }: Pick<ProtectedBase, 'inputShape' | 'apply'>,
  { sigma, draws }: { readonly sigma: number; readonly draws: number },
): Uint8Array {
  const images = g.input('images', 'float32', ['n', ...inputShape])
  const noise = Array.from({ length: draws }, (_, i) =>
    g.input(`noise-${i + 1}`, 'float32', ['n', ...inputShape]),
  )
  // The draws of an example are adjacent rows.
  const stacked = g.concat(
    noise.map((draw) => g.unsqueeze(g.add(images, draw), [1])),
    1,
  )
  const noisy = g.reshape(stacked, [-1, ...inputShape])
  const baseLogits = apply(noisy)
  const classes = Number(baseLogits.shape[1])
  const logits = logMeanExp(g.reshape(g.logSoftmax(baseLogits), [-1, draws, classes]))
  return toStochasticOnnx(
    { logits },
    images,
    noise.map((value) => ({ value, distribution: { kind: 'normal', mean: 0, scale: sigma } })),
    { [smoothedComponent.input]: noisy, [smoothedComponent.output]: baseLogits },
  )
}

/** ln((1/m)·Σ eˣ) over axis 1 of `[n, m, k]`, stable for any x. */
function logMeanExp(x: Value): Value {
  const largest = g.reduceMax(x, [1], true)
  const mean = g.reduceMean(g.exp(g.sub(x, largest)), [1])
  return g.add(g.log(mean), g.squeeze(largest, [1]))
}
