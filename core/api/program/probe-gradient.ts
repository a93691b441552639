/** The gradient of one random image: whether a model has one that attacks can follow. */
import { RobenchError } from '../../base/errors.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import type { ClassifierModel } from '../../model/classifier.ts'
import { drawTestImages } from '../../model/import-parity.ts'
import type { Loss } from '../../model/model.ts'

/**
 * The gradient of the loss of a random image for class 0.
 * @param name the model's name in errors
 * @throws RobenchError ROBENCH_MODEL_OUTPUT if logits or gradient are not finite, ROBENCH_NO_GRADIENT
 *   without a gradient
 */
export async function probeGradient(
  model: ClassifierModel,
  loss: Loss,
  name: string,
): Promise<FloatTensor> {
  const image = drawTestImages(model.inputShape, model.bounds, 1)
  const { gradient } = await model.gradient(image, Int32Array.of(0), loss)
  const { data } = gradient
  const broken = data.reduce((count, value) => count + (Number.isFinite(value) ? 0 : 1), 0)
  if (broken > 0) {
    throw new RobenchError(
      'ROBENCH_MODEL_OUTPUT',
      `${name}: the gradient of a random image is NaN or infinite in ${broken} of ` +
        `${data.length} components, so no attack can follow it; look for square roots, ` +
        'logarithms, and divisions at 0',
    )
  }
  return gradient
}
